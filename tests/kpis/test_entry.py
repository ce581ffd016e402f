"""Values that people type, on real PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kpis.domain.entry_checks import EntryRefused, Problem
from kpis.domain.periods import Calendar, Period, period_of
from kpis.models import Kpi, Measurement, MeasurementRevision, PeriodLock
from kpis.readings import Conflict, PeriodLocked, Recorded
from kpis.services.entry import Entry, enter_measurement, enter_measurements, take_back
from objectives.models import Organisation
from tests.factories import NOW, a_deputy, a_kpi, limits

pytestmark = pytest.mark.django_db
D = Decimal
W44, W45, W46, W47 = (date(2026, 10, 26) + timedelta(weeks=weeks) for weeks in range(4))  # W47 is open on 22 November


def week(start: date) -> Period:
    return period_of(start, "week", Calendar())


def enter(kpi: Kpi, start: date, value: str | None, seq: int = 0, **said: Any) -> Recorded:
    said.setdefault("user", kpi.owner)
    return enter_measurement(
        kpi=kpi,
        period=week(start),
        expected_seq=seq,
        value=None if value is None else D(value),
        now=said.pop("now", NOW),
        **said,
    )


def revisions(kpi: Kpi) -> list[tuple[int, str, str, str]]:
    rows = MeasurementRevision.objects.filter(kpi=kpi).order_by("period_start", "seq")
    return [(row.seq, row.kind, row.state, row.note) for row in rows]


def test_a_first_value_is_reported_judged_and_names_who_typed_it():
    kpi = a_kpi()
    limits(kpi, goal=80, red_flag=72)
    recorded = enter(kpi, W46, "77.6")
    assert (recorded.new, recorded.revised) == (1, 0)
    revision = MeasurementRevision.objects.get()
    assert (revision.kind, revision.recorded_by, revision.value) == ("manual", kpi.owner, D("77.6"))
    kpi.refresh_from_db()
    assert kpi.state.band == "at_risk"


def test_the_open_period_is_provisional_whatever_is_said():
    kpi = a_kpi()
    enter(kpi, W47, "77.6", provisional=False)
    assert Measurement.objects.get().state == "provisional"


def test_a_closed_period_is_provisional_if_the_person_says_so_and_final_later():
    kpi = a_kpi()
    enter(kpi, W46, "77.6", provisional=True)
    assert Measurement.objects.get().state == "provisional"
    enter(kpi, W46, "77.6", seq=1)
    assert Measurement.objects.get().state == "reported"


def test_the_latest_closed_period_may_be_changed_without_reason_an_older_one_not():
    kpi = a_kpi()
    enter(kpi, W46, "77.6")
    enter(kpi, W46, "78", seq=1)
    enter(kpi, W45, "80")
    with pytest.raises(EntryRefused) as refused:
        enter(kpi, W45, "81", seq=1)
    assert refused.value.problem is Problem.REASON_WANTED
    enter(kpi, W45, "81", seq=1, note="Counted again")
    assert revisions(kpi) == [
        (1, "manual", "reported", ""),
        (2, "correction", "reported", "Counted again"),
        (1, "manual", "reported", ""),
        (2, "manual", "reported", ""),
    ]


def test_typing_the_same_value_again_needs_no_reason_and_writes_nothing():
    kpi = a_kpi()
    enter(kpi, W44, "77.6")
    recorded = enter(kpi, W44, "77.60", seq=1)
    assert (recorded.unchanged, MeasurementRevision.objects.count()) == (1, 1)


def test_every_value_typed_over_a_source_needs_a_reason():
    kpi = a_kpi(entry=Kpi.Entry.SOURCE)
    with pytest.raises(EntryRefused):
        enter(kpi, W46, "77.6")
    enter(kpi, W46, "77.6", note="The file was late")
    enter(kpi, W46, "78", seq=1, note="The file was wrong")
    assert revisions(kpi) == [
        (1, "manual", "reported", "The file was late"),
        (2, "correction", "reported", "The file was wrong"),
    ]


def test_not_applicable_has_a_reason_and_no_value():
    kpi = a_kpi()
    enter(kpi, W46, None, not_applicable="Contractor until W46", note="Contractor until W46")
    value = Measurement.objects.get()
    assert (value.value, value.state, value.reason) == (None, "not_applicable", "Contractor until W46")


def test_a_ratio_takes_its_two_parts():
    kpi = a_kpi(time_aggregation=Kpi.Aggregation.RATIO_OF_SUMS, ratio_factor=100)
    with pytest.raises(EntryRefused) as refused:
        enter(kpi, W46, "50")
    assert refused.value.problem is Problem.PARTS_WANTED
    enter(kpi, W46, None, numerator=D(2), denominator=D(3))
    value = Measurement.objects.get()
    assert (value.value, value.numerator, value.denominator) == (D("66.66666667"), 2, 3)


def test_a_ratio_over_nothing_has_no_value_and_says_why():
    kpi = a_kpi(time_aggregation=Kpi.Aggregation.RATIO_OF_SUMS)
    enter(kpi, W46, None, numerator=D(2), denominator=D(0))
    value = Measurement.objects.get()
    assert (value.value, value.reason, value.state) == (None, "zero_denominator", "reported")


@pytest.mark.parametrize(
    ("fields", "value", "start", "problem"),
    [
        ({"minimum": 0, "maximum": 100}, "850", W46, Problem.OUTSIDE),
        ({"minimum": 0}, "-1", W46, Problem.BELOW),
        ({}, "1", W47 + timedelta(weeks=1), Problem.NOT_BEGUN),
        ({}, "123456789012345678901", W46, Problem.TOO_LARGE),
        ({"entry": Kpi.Entry.DERIVED}, "1", W46, Problem.DERIVED),
    ],
)
def test_what_cannot_be_true_is_refused_and_nothing_written(fields, value, start, problem):
    kpi = a_kpi(**fields)
    with pytest.raises(EntryRefused) as refused:
        enter(kpi, start, value, note="really")
    assert refused.value.problem is problem
    assert not MeasurementRevision.objects.exists()


def test_a_period_begins_where_the_organisation_is():
    kpi = a_kpi()
    monday_in_utc = NOW.replace(day=23, hour=1)
    Organisation.objects.update(time_zone="America/New_York")  # there it is still Sunday
    with pytest.raises(EntryRefused):
        enter(kpi, W47 + timedelta(weeks=1), "1", now=monday_in_utc)
    Organisation.objects.update(time_zone="Europe/Berlin")
    enter(kpi, W47 + timedelta(weeks=1), "1", now=monday_in_utc)


def test_somebody_quicker_is_not_overwritten_and_no_reason_is_asked_for_what_was_not_seen():
    kpi = a_kpi()
    enter(kpi, W44, "77.6", user=a_deputy(kpi))
    with pytest.raises(Conflict) as conflict:
        enter(kpi, W44, "78", seq=0)
    assert conflict.value.seq == 1
    assert Measurement.objects.get().value == D("77.6")


def test_a_locked_period_refuses():
    kpi = a_kpi()
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=W47, locked_by=kpi.owner, locked_at=NOW)
    with pytest.raises(PeriodLocked):
        enter(kpi, W46, "1")


def test_many_values_are_stored_together_or_not_at_all():
    kpi = a_kpi()
    other = a_kpi(owner=kpi.owner)
    entries = [
        Entry(kpi=kpi, period=week(W46), expected_seq=0, value=D(1)),
        Entry(kpi=other, period=week(W46), expected_seq=0, value=D(2)),
    ]
    recorded = enter_measurements(entries=entries, user=kpi.owner, now=NOW)
    assert (recorded.new, recorded.kpi_ids) == (2, (kpi.pk, other.pk))
    with pytest.raises(Conflict):
        enter_measurements(
            entries=[Entry(kpi=kpi, period=week(W47), expected_seq=0, value=D(3)), entries[1]], user=kpi.owner, now=NOW
        )
    assert Measurement.objects.count() == 2


def test_many_values_take_none_that_needs_a_reason():
    kpi = a_kpi()
    enter(kpi, W44, "1")
    with pytest.raises(EntryRefused):
        enter_measurements(
            entries=[
                Entry(kpi=kpi, period=week(W46), expected_seq=0, value=D(1)),
                Entry(kpi=kpi, period=week(W44), expected_seq=1, value=D(2)),
            ],
            user=kpi.owner,
            now=NOW,
        )
    assert Measurement.objects.count() == 1


def test_ones_own_latest_change_can_be_taken_back_and_history_keeps_all_three():
    kpi = a_kpi()
    enter(kpi, W46, "77.6")
    enter(kpi, W46, "7.76", seq=1)
    take_back(kpi=kpi, period_start=W46, seq=2, user=kpi.owner, now=NOW)
    assert Measurement.objects.get().value == D("77.6")
    assert [(seq, kind) for seq, kind, _state, _note in revisions(kpi)] == [(1, "manual"), (2, "manual"), (3, "undo")]


@pytest.mark.parametrize("seq", [1, 2, 4])
def test_only_the_latest_change_with_something_before_it_can_be_taken_back(seq):
    kpi = a_kpi()
    enter(kpi, W46, "77.6")
    if seq > 1:
        enter(kpi, W46, "78", seq=1)
        enter(kpi, W46, "79", seq=2)
    with pytest.raises(Conflict):
        take_back(kpi=kpi, period_start=W46, seq=seq, user=kpi.owner, now=NOW)


def test_the_change_of_another_cannot_be_taken_back():
    kpi = a_kpi()
    enter(kpi, W46, "77.6")
    enter(kpi, W46, "78", seq=1, user=a_deputy(kpi))
    with pytest.raises(Conflict):
        take_back(kpi=kpi, period_start=W46, seq=2, user=kpi.owner, now=NOW)
