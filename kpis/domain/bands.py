"""The judgement of one value, and how two judgements compare."""

from enum import StrEnum


class Band(StrEnum):
    """On track, at risk, off track, or no judgement at all."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"
    NONE = ""


# A StrEnum member hashes like its string, so plain strings find their severity too.
_SEVERITY: dict[str, int] = {
    Band.NONE: -1,
    Band.ON_TRACK: 0,
    Band.AT_RISK: 1,
    Band.OFF_TRACK: 2,
}


def severity(band: str) -> int:
    """Return 0 for on track, 1 at risk, 2 off track, and -1 where there is no band."""
    return _SEVERITY[band]


def worse(a: str, b: str) -> Band:
    """Return the more severe of two bands; any band is more severe than none."""
    return Band(a) if severity(a) >= severity(b) else Band(b)
