"""Everything that a person may see, as files."""
