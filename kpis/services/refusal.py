"""How a change of what is wanted or defined is refused."""


class Refused(ValueError):
    """The change makes no sense; the sentence says why. Nothing was written, what was in force stays in force."""
