"""Recording and judging on real PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis.bulk import as_arrays
from kpis.models import DataSource, Evaluation, KpiState, Measurement, MeasurementRevision, PeriodLock, Pull
from kpis.readings import Conflict, Origin, PeriodLocked, Reading
from kpis.services.judging import judge_owed, rejudge
from kpis.services.recording import DuplicatePeriod, record_measurements
from objectives.models import ObjectiveState
from tests.factories import NOW, a_kpi, limits

pytestmark = pytest.mark.django_db
W44, W45, W46 = date(2026, 10, 26), date(2026, 11, 2), date(2026, 11, 9)


def week(kpi, start: date, value: str | None, **fields) -> Reading:
    return Reading(
        kpi_id=kpi.pk,
        period_start=start,
        period_end=start + timedelta(days=7),
        value=None if value is None else Decimal(value),
        **fields,
    )


def by_hand(kpi, note: str = "") -> Origin:
    return Origin(kind="correction" if note else "manual", note=note, user_id=kpi.owner_id)


def test_a_value_becomes_a_revision_a_measurement_a_judgement_a_state_and_a_roll_up():
    kpi = a_kpi()
    limits(kpi, goal=80, red_flag=72)
    recorded = record_measurements(readings=[week(kpi, W46, "77.6")], origin=by_hand(kpi), now=NOW)
    assert (recorded.new, recorded.revised, recorded.unchanged) == (1, 0, 0)
    assert MeasurementRevision.objects.get().seq == 1
    evaluation = Evaluation.objects.get()
    assert (evaluation.band, evaluation.score) == ("at_risk", Decimal("5.6667"))
    assert (evaluation.goal, evaluation.red_flag) == (80, 72)
    state = KpiState.objects.get()
    assert (state.value, state.band, state.band_since) == (Decimal("77.6"), "at_risk", W46)
    assert state.dirty_since is None
    rolled = ObjectiveState.objects.get()
    assert (rolled.score, rolled.band, rolled.at_risk, rolled.total) == (Decimal("5.6667"), "at_risk", 1, 1)


def test_recording_the_same_again_writes_nothing():
    kpi = a_kpi()
    limits(kpi)
    record_measurements(readings=[week(kpi, W46, "77.6")], origin=by_hand(kpi), now=NOW)
    again = record_measurements(readings=[week(kpi, W46, "77.60")], origin=by_hand(kpi), now=NOW + timedelta(days=1))
    assert (again.new, again.revised, again.unchanged, again.kpi_ids) == (0, 0, 1, ())
    assert MeasurementRevision.objects.count() == 1
    assert Measurement.objects.get().recorded_at == NOW


def test_a_correction_is_a_new_revision_with_its_reason():
    kpi = a_kpi()
    limits(kpi)
    record_measurements(readings=[week(kpi, W46, "77.6")], origin=by_hand(kpi), now=NOW)
    record_measurements(readings=[week(kpi, W46, "81")], origin=by_hand(kpi, "late records"), now=NOW)
    assert list(MeasurementRevision.objects.order_by("seq").values_list("value", "note")) == [
        (Decimal("77.6"), ""),
        (Decimal("81"), "late records"),
    ]
    assert KpiState.objects.get().band == "on_track"


def test_someone_elses_change_is_a_conflict_and_nothing_is_written():
    kpi = a_kpi()
    record_measurements(readings=[week(kpi, W46, "77.6")], origin=by_hand(kpi), now=NOW)
    with pytest.raises(Conflict) as conflict:
        record_measurements(
            readings=[week(kpi, W46, "80")], origin=by_hand(kpi), now=NOW, expected_seq={(kpi.pk, W46): 0}
        )
    assert conflict.value.seq == 1
    assert Measurement.objects.get().value == Decimal("77.6")


def test_a_locked_period_refuses_the_whole_batch():
    kpi = a_kpi()
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=date(2026, 11, 9), locked_by=kpi.owner, locked_at=NOW)
    with pytest.raises(PeriodLocked) as locked:
        record_measurements(readings=[week(kpi, W45, "77"), week(kpi, W46, "78")], origin=by_hand(kpi), now=NOW)
    assert locked.value.periods == [(kpi.pk, W45)]
    assert not Measurement.objects.exists()


def test_a_kpi_made_after_a_lock_brings_its_history_until_the_next_lock():
    kpi = a_kpi(created_at=NOW)
    lock = {"calendar": kpi.calendar, "locked_until": date(2026, 11, 9), "locked_by": kpi.owner}
    PeriodLock.objects.create(**lock, locked_at=NOW - timedelta(days=1))
    record_measurements(readings=[week(kpi, W45, "77")], origin=by_hand(kpi), now=NOW)
    PeriodLock.objects.create(**lock, locked_at=NOW + timedelta(days=1))
    with pytest.raises(PeriodLocked):
        record_measurements(readings=[week(kpi, W45, "78")], origin=by_hand(kpi), now=NOW + timedelta(days=2))
    assert Measurement.objects.get().value == Decimal("77")


def test_two_values_for_one_period_are_refused_whole():
    kpi = a_kpi()
    with pytest.raises(DuplicatePeriod):
        record_measurements(readings=[week(kpi, W46, "1"), week(kpi, W46, "2")], origin=by_hand(kpi), now=NOW)
    assert not Measurement.objects.exists()


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused_at_the_door(bad):
    kpi = a_kpi()
    with pytest.raises(ValueError, match="number"):
        record_measurements(readings=[week(kpi, W46, bad)], origin=by_hand(kpi), now=NOW)
    assert not Measurement.objects.exists()


def test_without_a_target_there_is_a_value_but_no_band():
    kpi = a_kpi()
    record_measurements(readings=[week(kpi, W46, "77.6")], origin=by_hand(kpi), now=NOW)
    evaluation = Evaluation.objects.get()
    assert (evaluation.value, evaluation.band, evaluation.no_band_reason) == (Decimal("77.6"), "", "no_thresholds")
    assert ObjectiveState.objects.get().score is None


def test_limits_are_those_in_force_for_the_period_and_an_edit_touches_nothing_before_it():
    kpi = a_kpi()
    limits(kpi, goal=75, red_flag=67)
    record_measurements(readings=[week(kpi, W45, "76"), week(kpi, W46, "76")], origin=by_hand(kpi), now=NOW)
    limits(kpi, goal=80, red_flag=72, since=W46, recorded_at=NOW + timedelta(hours=1))
    rejudge(kpi_ids=[kpi.pk], since=W46, now=NOW + timedelta(hours=1))
    bands = dict(Evaluation.objects.values_list("period_start", "band"))
    assert bands == {W45: "on_track", W46: "at_risk"}
    assert Evaluation.objects.get(period_start=W45).evaluated_at == NOW


@pytest.mark.parametrize(
    ("before", "then", "since"),
    [
        (["90", "90"], {W46: "90"}, W44),
        (["90", "90"], {W46: "50"}, W46),
        (["90"], {W45: "50", W46: "90"}, W46),
        (["50", "90"], {W44: "90", W46: "90"}, W44),
        (["90", "90"], {W44: "50", W46: "90"}, W45),
    ],
)
def test_a_band_holds_since_the_period_after_the_last_one_with_another(before, then, since):
    kpi = a_kpi()
    limits(kpi)
    first = [week(kpi, start, value) for start, value in zip([W44, W45], before, strict=False)]
    record_measurements(readings=first, origin=by_hand(kpi), now=NOW)
    more = [week(kpi, start, value) for start, value in then.items()]
    record_measurements(readings=more, origin=by_hand(kpi, "late records"), now=NOW + timedelta(hours=1))
    assert KpiState.objects.get().band_since == since


def test_what_a_reason_says_arrives_as_it_was_typed():
    kpi = a_kpi()
    reason = "closed:\tsnow\r\nC:\\N \\\\ ÄÖ"
    readings = [week(kpi, W45, None, state="not_applicable", reason=reason), week(kpi, W46, "0.00000001")]
    record_measurements(readings=readings, origin=by_hand(kpi), now=NOW)
    assert list(Measurement.objects.order_by("period_start").values_list("value", "reason")) == [
        (None, reason),
        (Decimal("0.00000001"), ""),
    ]


def test_judgement_left_to_the_workers_is_owed_until_a_sweep_does_it():
    kpi = a_kpi()
    limits(kpi)
    record_measurements(readings=[week(kpi, W46, "90")], origin=by_hand(kpi), now=NOW, judge=False)
    assert not Evaluation.objects.exists()
    assert KpiState.objects.get().dirty_from == W46
    assert judge_owed(now=NOW) == 1
    assert Evaluation.objects.get().band == "on_track"
    assert judge_owed(now=NOW) == 0


def test_the_open_period_is_provisional_and_leaves_the_state_of_the_last_closed_one():
    kpi = a_kpi()
    limits(kpi)
    record_measurements(
        readings=[week(kpi, W45, "90"), week(kpi, W46, "50", state="provisional")], origin=by_hand(kpi), now=NOW
    )
    state = KpiState.objects.get()
    assert (state.period_start, state.band) == (W45, "on_track")
    assert (state.open_start, state.open_value, state.open_band) == (W46, Decimal(50), "off_track")


def test_missing_periods_are_gaps_and_never_zero():
    kpi = a_kpi()
    limits(kpi)
    record_measurements(
        readings=[week(kpi, date(2026, 10, 26), "80"), week(kpi, W46, "81")], origin=by_hand(kpi), now=NOW
    )
    state = KpiState.objects.get()
    assert state.previous_value is None
    assert state.spark["path"].count("M") == 2


def test_a_cumulative_kpi_compares_the_sum_to_date_with_the_phased_target():
    kpi = a_kpi(is_cumulative=True, frequency="month", time_aggregation="sum")
    limits(kpi, goal=10, red_flag=8)
    months = [(date(2026, m, 1), date(2026, m + 1, 1), v) for m, v in ((1, "12"), (2, "9"), (3, "2"))]
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=start, period_end=end, value=Decimal(value))
            for start, end, value in months
        ],
        origin=by_hand(kpi),
        now=NOW,
    )
    rows = Evaluation.objects.order_by("period_start").values_list("value", "goal", "band")
    assert list(rows) == [(12, 10, "on_track"), (21, 20, "on_track"), (23, 30, "off_track")]


def test_a_batch_costs_the_same_number_of_queries_whatever_its_size():
    kpis = [a_kpi() for _ in range(12)]
    for kpi in kpis:
        limits(kpi)
    counts = []
    for batch in (kpis[:2], kpis[2:]):
        with CaptureQueriesContext(connection) as queries:
            record_measurements(readings=[week(kpi, W46, "77") for kpi in batch], origin=by_hand(kpis[0]), now=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_correction_stays_until_the_source_says_something_new():
    kpi = a_kpi()
    source = DataSource.objects.create(code="feed", name="Feed", kind="csv_file", owner=kpi.owner, pull_at="06:10")
    pull = Pull.objects.create(source=source, slot=NOW)
    from_feed = Origin(kind="pull", pull_id=pull.pk)
    record_measurements(readings=[week(kpi, W46, "77.6")], origin=from_feed, now=NOW)
    record_measurements(readings=[week(kpi, W46, "81")], origin=by_hand(kpi, "late records"), now=NOW)
    again = record_measurements(readings=[week(kpi, W46, "77.6")], origin=from_feed, now=NOW)
    assert (again.unchanged, Measurement.objects.get().value) == (1, Decimal(81))
    record_measurements(readings=[week(kpi, W46, "79")], origin=from_feed, now=NOW)
    assert Measurement.objects.get().value == Decimal(79)
    assert list(MeasurementRevision.objects.order_by("seq").values_list("kind", flat=True)) == [
        "pull",
        "correction",
        "pull",
    ]


def test_values_reach_postgresql_in_arrays_as_they_are():
    rows = [
        ('say "no" \\ {a,b}', Decimal("0.10"), W44, True),
        ("NULL", Decimal("-1E-8"), date.min, False),
        ("", None, None, None),
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM unnest(%s::text[], %s::numeric[], %s::date[], %s::boolean[])", as_arrays(rows))
        assert cursor.fetchall() == rows
