"""Measuring the platform against what the machine could do at best: `python3 run.py bench`."""
