"""Values by spreadsheet: one that is filled in already goes out, and comes back with what is new."""
