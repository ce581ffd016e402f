"""The page of a KPI owner: what is to be done first, and the grid in which values are typed."""
