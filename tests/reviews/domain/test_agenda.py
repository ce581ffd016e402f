"""What a meeting talks about, and in which order."""

from datetime import date
from decimal import Decimal

import pytest

from reviews.domain.agenda import Dated, Reason, Section, Standing, agenda_of, reasons_of, section_of

THURSDAY = date(2026, 11, 26)


def standing(key="A", band="on_track", score="8", then_band=None, **fields):
    fields = {"has_initiative": True, "is_explained": True, **fields}
    return Standing(key=key, band=band, score=Decimal(score) if score else None, then_band=then_band, **fields)


def agenda(standings=(), decisions=(), actions=()):
    return agenda_of(standings, decisions=decisions, actions=actions, held_on=THURSDAY)


@pytest.mark.parametrize(
    ("one", "section"),
    [
        (standing(band="off_track"), Section.OFF_TRACK),
        (standing(band="off_track", then_band="off_track", is_stale=True), Section.OFF_TRACK),
        (standing(band="at_risk", then_band="on_track"), Section.WORSE),
        (standing(band="at_risk", has_initiative=False, is_explained=False), Section.UNANSWERED),
        (standing(band="at_risk", has_initiative=False), None),
        (standing(band="at_risk", is_explained=False), None),
        (standing(band="on_track", is_stale=True), Section.STALE),
        (standing(band="", score="", is_stale=True), Section.STALE),
        (standing(band="on_track", has_initiative=False, is_explained=False), None),
        (standing(band="on_track", then_band="off_track"), None),
        (standing(band="", score="", has_initiative=False, is_explained=False), None),
    ],
)
def test_a_kpi_stands_in_the_first_section_it_belongs_to(one, section):
    assert section_of(one) == section


@pytest.mark.parametrize(
    ("then", "now", "is_worse", "is_better"),
    [
        ("on_track", "at_risk", True, False),
        ("at_risk", "off_track", True, False),
        ("off_track", "at_risk", False, True),
        ("at_risk", "at_risk", False, False),
        ("", "off_track", False, False),
        (None, "off_track", False, False),
        ("off_track", "", False, False),
    ],
)
def test_only_a_band_can_fall_or_rise(then, now, is_worse, is_better):
    one = standing(band=now, then_band=then)
    assert (one.is_worse, one.is_better) == (is_worse, is_better)


def test_sections_come_in_their_order_and_every_kpi_once():
    items = agenda(
        [
            standing("STALE", is_stale=True),
            standing("ALONE", band="at_risk", has_initiative=False, is_explained=False),
            standing("FELL", band="at_risk", then_band="on_track", is_stale=True),
            standing("FINE"),
            standing("RED", band="off_track", is_stale=True),
        ],
        decisions=[Dated(key="7", due_on=THURSDAY)],
        actions=[Dated(key="9", due_on=THURSDAY)],
    )
    assert [item.key for item in items] == ["RED", "FELL", "ALONE", "STALE", "7", "9"]
    assert [item.section for item in items] == list(Section)


def test_within_a_section_comes_first_what_fell_then_what_nobody_answers_then_the_lowest_score():
    items = agenda(
        [
            standing("LOW", band="off_track", score="1"),
            standing("LOWEST", band="off_track", score="0"),
            standing("ALONE", band="off_track", score="3", has_initiative=False, is_explained=False),
            standing("FELL", band="off_track", score="3.3", then_band="at_risk"),
        ]
    )
    assert [item.key for item in items] == ["FELL", "ALONE", "LOWEST", "LOW"]


def test_every_reason_is_said():
    one = standing(band="off_track", then_band="on_track", has_initiative=False, is_explained=False, is_stale=True)
    assert reasons_of(one) == (
        Reason.OFF_TRACK,
        Reason.WORSE,
        Reason.NO_INITIATIVE,
        Reason.NOT_EXPLAINED,
        Reason.STALE,
    )
    assert reasons_of(standing(has_initiative=False, is_explained=False)) == ()


def test_what_is_due_earliest_comes_first_and_overdue_is_before_the_day_of_the_meeting():
    items = agenda(actions=[Dated(key="1", due_on=THURSDAY), Dated(key="2", due_on=date(2026, 11, 25))])
    assert [(item.key, item.reasons) for item in items] == [("2", (Reason.OVERDUE,)), ("1", ())]
