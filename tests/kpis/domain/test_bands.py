"""How two judgements compare."""

import pytest

from kpis.domain.bands import Band, severity, worse


def test_severity_rises_from_none_to_off_track():
    assert [severity(band) for band in ("", "on_track", "at_risk", "off_track")] == [-1, 0, 1, 2]
    assert severity(Band.AT_RISK) == severity("at_risk")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("on_track", "at_risk", Band.AT_RISK),
        ("off_track", "at_risk", Band.OFF_TRACK),
        ("", "on_track", Band.ON_TRACK),
        ("", "", Band.NONE),
    ],
)
def test_the_worse_of_two_bands_wins_and_any_beats_none(a, b, expected):
    assert worse(a, b) is worse(b, a) is expected


def test_an_unknown_band_has_no_severity():
    with pytest.raises(KeyError):
        severity("red")
