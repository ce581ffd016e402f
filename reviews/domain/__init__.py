"""When forums meet. Plain Python: no ORM, no clock, no settings."""
