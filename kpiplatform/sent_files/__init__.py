"""Spreadsheets that people send in, read apart from the web server. Knows no app."""
