"""Calendars: how time is cut, which days are worked, which periods are closed."""
