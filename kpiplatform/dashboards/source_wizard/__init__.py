"""Connecting a source step by step: where it is, how it is read, what it measures, which KPIs it feeds."""
