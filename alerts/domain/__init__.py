"""When a band change is confirmed and who is told. Plain Python: no ORM, no clock, no settings."""
