"""When forums meet, what is on their agenda, and what was frozen. Plain Python: no ORM, no clock, no settings."""
