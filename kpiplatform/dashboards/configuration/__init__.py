"""Where administrators set up the organisation; nobody else finds these pages."""
