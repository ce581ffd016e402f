"""A KPI by week, month, quarter or year: with the year to date, rolling values, comparisons and the units below."""
