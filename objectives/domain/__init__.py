"""How scores roll up to objectives. Plain Python: no ORM, no clock, no settings."""
