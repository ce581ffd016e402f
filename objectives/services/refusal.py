"""How a change of the organisation is refused."""


class Refused(ValueError):
    """The change makes no sense; the sentence says why. Nothing was written."""
