"""Formulas of derived KPIs: read, printed, fitted, computed and explained. Never evaluated as code."""
