"""Changing the organisation: its units, who has which role where, what it is called."""
