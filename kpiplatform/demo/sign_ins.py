"""How the sample people sign in: shown on the sign-in page and by the demo command. Light to import."""

from __future__ import annotations

from functools import cache

from kpiplatform.demo.sheets import read

# Every sample person signs in with it. It protects nothing: the people and their figures are invented.
SAMPLE_PASSWORD = "harbor-airports"


@cache
def sign_ins() -> list[tuple[str, str]]:
    """Return (role, email) of one person per role."""
    return [(role, f"{person}@example.com") for role, person in read("people")["sign_in"].items()]
