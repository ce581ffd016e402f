"""What is asked before a typed value is stored: is it right, and the explanation of a bad one."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from kpis.domain.entry_checks import EntryRefused, Problem
from kpis.domain.periods import Calendar, period_of
from kpis.models import Commentary, EntryRules, Kpi, Measurement, MeasurementRevision
from kpis.services.entry import Explanation, enter_measurement
from tests.factories import NOW, a_kpi, limits

pytestmark = pytest.mark.django_db
D = Decimal
W40 = date(2026, 9, 28)
W46, W47 = W40 + timedelta(weeks=6), W40 + timedelta(weeks=7)  # W47 is open on 22 November
TOLD = Explanation(cause="A strike.", action="Ferries.", recovery_on=date(2026, 12, 1))


def enter(kpi: Kpi, start: date, value: str, seq: int = 0, **said: Any) -> None:
    period = period_of(start, kpi.frequency, Calendar())
    enter_measurement(
        kpi=kpi, period=period, expected_seq=seq, value=D(value), user=said.pop("user", kpi.owner), now=NOW, **said
    )


def asked(kpi: Kpi, start: date, value: str, seq: int = 0, **said: Any) -> Problem:
    """Return what is asked instead of storing the value."""
    with pytest.raises(EntryRefused) as refused:
        enter(kpi, start, value, seq, **said)
    assert Measurement.objects.filter(kpi=kpi, period_start=start, value=D(value)).count() == 0
    return refused.value.problem


@pytest.fixture
def steady() -> Kpi:
    """A KPI that moves by one from week to week."""
    kpi = a_kpi()
    for weeks in range(6):
        enter(kpi, W40 + timedelta(weeks=weeks), str(80 + weeks % 2))
    return kpi


def test_a_move_far_from_the_usual_is_asked_about_once_and_the_yes_is_recorded(steady):
    assert asked(steady, W46, "90") is Problem.UNUSUAL
    enter(steady, W46, "90", sure=True)
    assert MeasurementRevision.objects.get(period_start=W46).unusual_by == D(9)


def test_a_usual_value_is_recorded_without_a_confirmation_even_with_a_yes(steady):
    enter(steady, W46, "84", sure=True)
    assert MeasurementRevision.objects.get(period_start=W46).unusual_by is None


def test_confirming_a_provisional_value_asks_nothing_again(steady):
    enter(steady, W46, "95", sure=True, provisional=True)
    enter(steady, W46, "95", seq=1)
    assert Measurement.objects.get(period_start=W46).state == "reported"


@pytest.mark.parametrize(
    ("organisation", "own", "value", "asks"),
    [
        (D(20), None, "95", False),
        (D(20), D(3), "85", True),
        (D(0), None, "9999", False),
        (D(6), D(0), "9999", False),
    ],
)
def test_the_factor_is_the_kpis_own_else_the_organisations_and_0_never_asks(steady, organisation, own, value, asks):
    EntryRules.objects.create(pk=1, unusual_factor=organisation)
    steady.unusual_factor = own
    if asks:
        assert asked(steady, W46, value) is Problem.UNUSUAL
    else:
        enter(steady, W46, value)


@pytest.fixture
def judged() -> Kpi:
    """A KPI with goal 80 and red flag 72, in an organisation that wants every red explained."""
    EntryRules.objects.create(pk=1, explain_below=D("3.33"))
    kpi = a_kpi()
    limits(kpi, goal=80, red_flag=72)
    return kpi


def test_a_value_under_the_score_is_stored_with_its_explanation_or_not_at_all(judged):
    assert asked(judged, W46, "71") is Problem.EXPLANATION_WANTED
    enter(judged, W46, "71", explanation=TOLD)
    told = Commentary.objects.get()
    assert (told.kind, told.period_start, told.cause, told.author) == ("explanation", W46, "A strike.", judged.owner)


def test_a_value_at_the_score_and_one_that_is_explained_already_need_none(judged):
    enter(judged, W46, "72")
    enter(judged, W46, "70", seq=1, explanation=TOLD)
    enter(judged, W46, "69", seq=2)
    assert Commentary.objects.count() == 1


def test_an_open_period_needs_no_explanation_until_it_has_closed(judged):
    enter(judged, W47, "10")
    assert Measurement.objects.get().state == "provisional"


def test_the_kpis_own_score_counts_before_the_organisations(judged):
    judged.explain_below = D(0)
    enter(judged, W46, "10")
    judged.explain_below = D("6.67")
    assert asked(judged, W46, "79", seq=1) is Problem.EXPLANATION_WANTED


def test_a_cumulative_kpi_is_asked_about_the_sum_to_date(judged):
    cumulative = a_kpi(is_cumulative=True, time_aggregation=Kpi.Aggregation.SUM)
    limits(cumulative, goal=100, red_flag=50, since=date(2026, 11, 2))
    enter(cumulative, date(2026, 11, 2), "100")
    enter(cumulative, W46, "10")  # 110 of 200 at best, above the red flag of 100
    assert asked(cumulative, W46, "-10", seq=1) is Problem.EXPLANATION_WANTED


def test_the_questions_come_one_after_the_other_and_the_answers_hold(judged):
    for weeks in range(-2, 6):
        enter(judged, W40 + timedelta(weeks=weeks), str(80 + weeks % 2))
    old = W40 + timedelta(weeks=5)
    assert asked(judged, old, "60", seq=1) is Problem.REASON_WANTED
    assert asked(judged, old, "60", seq=1, note="Counted again") is Problem.UNUSUAL
    assert asked(judged, old, "60", seq=1, note="Counted again", sure=True) is Problem.EXPLANATION_WANTED
    enter(judged, old, "60", seq=1, note="Counted again", sure=True, explanation=TOLD)
    revision = MeasurementRevision.objects.get(period_start=old, seq=2)
    assert (revision.kind, revision.note, revision.unusual_by) == ("correction", "Counted again", D(20))


def test_there_is_one_row_of_rules_and_a_score_is_a_score():
    with pytest.raises(IntegrityError):
        EntryRules.objects.create(pk=1, explain_below=D("10.5"))
