"""The page of one objective."""
