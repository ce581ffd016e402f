"""Many KPIs at once from a spreadsheet: recognised columns, a dry run line by line, one transaction."""
