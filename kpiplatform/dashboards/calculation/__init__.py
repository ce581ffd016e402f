"""Derived KPIs: writing their formula, what it comes to, how a value came about, what is computed from what."""
