"""What periods, values, limits and scores mean. Plain Python: no ORM, no clock, no settings."""
