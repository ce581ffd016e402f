"""Derived KPIs on real PostgreSQL: what follows from a value, in which order, by which formula, and what is refused."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kpiplatform.audit.editing import seen
from kpis.domain.formula.errors import FormulaError, Problem
from kpis.domain.periods import Calendar, period_of
from kpis.models import (
    DataSource,
    Kpi,
    KpiInput,
    Measurement,
    MeasurementRevision,
    OwedDerivation,
    PeriodLock,
    PeriodReopening,
    SourceMapping,
)
from kpis.readings import Origin, Reading
from kpis.services import deriving
from kpis.services.connecting import Change, FedElsewhere, Feed, feed
from kpis.services.defining import SHEET, define, move_on, what_is_missing
from kpis.services.deriving import derive_owed
from kpis.services.entry import enter_measurement, take_back
from kpis.services.judging import judge_owed
from kpis.services.recording import record_measurements
from kpis.services.refusal import Refused
from tests.factories import NOW, a_kpi, a_person, limits

pytestmark = pytest.mark.django_db
W45, W46, W47 = date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)
WEEK = timedelta(days=7)


def say(kpi: Kpi, values: dict[date, str | None], *, now: datetime = NOW, **fields) -> None:
    """Record values by the first day of their week."""
    record_measurements(
        readings=[
            Reading(
                kpi_id=kpi.pk,
                period_start=start,
                period_end=start + WEEK,
                value=None if text is None else Decimal(text),
                **fields,
            )
            for start, text in values.items()
        ],
        origin=Origin(kind="manual", user_id=kpi.owner_id),
        now=now,
    )


def derived(formula: str, *, since: date = W45, code: str = "", **fields) -> Kpi:
    """An active KPI that is computed by a formula from a day on."""
    more = {"code": code} if code else {}
    kpi = a_kpi("Derived", status="draft", measure_unit="", polarity="unscored", active_from=since, **more, **fields)
    calculate(kpi, formula, since=since)
    return move_on(kpi=Kpi.objects.get(pk=kpi.pk), to="active", by=kpi.owner, now=NOW)


def calculate(kpi: Kpi, formula: str, *, since: date = W45, missing: str = "blank", **more) -> Kpi:
    fresh = Kpi.objects.get(pk=kpi.pk)
    values = {"entry": "derived", "formula": formula, "missing_policy": missing, **more}
    return define(
        kpi=fresh,
        seen=seen(fresh, SHEET),
        values=values,
        effective_from=since,
        reason="so it is",
        breaks_series=False,
        by=kpi.owner,
        now=NOW,
    )


def an_input(code: str, **fields) -> Kpi:
    return a_kpi(code.title(), code=code, active_from=date(2026, 1, 5), **fields)


def values_of(kpi: Kpi) -> dict[date, Decimal | None]:
    return dict(Measurement.objects.filter(kpi=kpi).order_by("period_start").values_list("period_start", "value"))


def test_a_value_of_an_input_leads_to_the_value_of_what_is_derived_and_to_its_judgement():
    late, flights = an_input("LATE"), an_input("FLIGHTS")
    share = derived("[LATE] ÷ [FLIGHTS] × 100")
    limits(share, goal=5, red_flag=10)
    Kpi.objects.filter(pk=share.pk).update(polarity="lower_is_better")
    say(late, {W45: "4", W46: "12"})
    say(flights, {W45: "100", W46: "100"})
    assert derive_owed(now=NOW) == 2
    assert values_of(share) == {W45: 4, W46: 12}
    revision = MeasurementRevision.objects.get(kpi=share, period_start=W46)
    assert (revision.kind, revision.note, revision.state) == ("derived", "1", "reported")
    judge_owed(now=NOW)
    assert list(share.evaluations.order_by("period_start").values_list("band", flat=True)) == ["on_track", "off_track"]
    assert derive_owed(now=NOW) == 0
    assert not OwedDerivation.objects.exists()


def test_only_what_a_value_reaches_is_computed(monkeypatch):
    one = an_input("ONE")
    other = an_input("OTHER")
    before, total = derived("[ONE] − [ONE@-1]"), derived("[OTHER] + 1")
    say(one, {W45 - WEEK: "1", W45: "2", W46: "4"})
    say(other, {W45: "5"})
    derive_owed(now=NOW)
    computed = []
    real = deriving.record_measurements
    monkeypatch.setattr(
        deriving,
        "record_measurements",
        lambda **sent: computed.extend((r.kpi_id, r.period_start) for r in sent["readings"]) or real(**sent),
    )
    say(one, {W45: "3"}, now=NOW + timedelta(hours=1))
    derive_owed(now=NOW + timedelta(hours=1))
    assert sorted(computed) == [(before.pk, W45), (before.pk, W46)]
    assert values_of(before) == {W45: 2, W46: 1}
    assert values_of(total) == {W45: 6}


def test_the_same_values_again_write_nothing_and_owe_nothing():
    one = an_input("ONE")
    twice = derived("[ONE] × 2")
    say(one, {W46: "4"})
    derive_owed(now=NOW)
    say(one, {W46: "4.0"}, now=NOW + timedelta(hours=1))
    assert not OwedDerivation.objects.exists()
    OwedDerivation.objects.create(kpi=twice, period_start=W45)
    assert derive_owed(now=NOW + timedelta(hours=1)) == 0
    assert MeasurementRevision.objects.filter(kpi=twice).count() == 1


def test_a_diamond_is_computed_once_per_kpi_and_inputs_come_first(monkeypatch):
    x = an_input("X")
    top_first = derived("[X] + 1", code="A"), derived("[X] × 10", code="B")
    longer = derived("[B] + 0", code="C")
    tip = derived("[A] + [C] + [X]", code="TIP")
    derive_owed(now=NOW)
    order: list[str] = []
    real = deriving._computed
    codes = {kpi.pk: kpi.code for kpi in (*top_first, longer, tip)}
    monkeypatch.setattr(
        deriving, "_computed", lambda jobs, today: order.extend(codes[j.kpi.pk] for j in jobs) or real(jobs, today)
    )
    say(x, {W46: "3"})
    derive_owed(now=NOW)
    assert sorted(order) == ["A", "B", "C", "TIP"]
    assert order.index("B") < order.index("C")
    assert order[-1] == "TIP"
    assert values_of(tip) == {W46: 37}
    assert MeasurementRevision.objects.filter(kpi=tip).count() == 1


def test_a_correction_and_its_undo_are_followed():
    one = an_input("ONE")
    twice = derived("[ONE] × 2")
    week = period_of(W46, "week", Calendar())
    enter_measurement(kpi=one, period=week, expected_seq=0, user=one.owner, now=NOW, value=Decimal(4), note="n")
    derive_owed(now=NOW)
    enter_measurement(kpi=one, period=week, expected_seq=1, user=one.owner, now=NOW, value=Decimal(5), note="typo")
    derive_owed(now=NOW)
    assert values_of(twice) == {W46: 10}
    take_back(kpi=one, period_start=W46, seq=2, user=one.owner, now=NOW)
    derive_owed(now=NOW)
    assert values_of(twice) == {W46: 8}
    assert MeasurementRevision.objects.filter(kpi=twice).count() == 3


def test_an_input_that_is_not_there_leaves_a_gap_and_one_that_went_takes_the_value_along():
    one, two = an_input("ONE"), an_input("TWO")
    both = derived("[ONE] + [TWO]")
    say(one, {W45: "1", W46: "2"})
    say(two, {W45: "10"})
    derive_owed(now=NOW)
    assert values_of(both) == {W45: 11}
    say(two, {W45: None}, state="not_applicable", reason="closed", now=NOW + timedelta(hours=1))
    derive_owed(now=NOW)
    gone = Measurement.objects.get(kpi=both)
    assert (gone.period_start, gone.value, gone.reason) == (W45, None, "missing_input")


def test_a_changed_formula_holds_from_its_day_and_corrections_before_it_follow_the_old_one():
    one, two = an_input("ONE"), an_input("TWO")
    kpi = derived("[ONE] × 2")
    say(one, {W45: "1", W46: "2"})
    say(two, {W45: "100", W46: "200"})
    derive_owed(now=NOW)
    calculate(kpi, "[TWO] + 0", since=W46)
    derive_owed(now=NOW)
    assert values_of(kpi) == {W45: 2, W46: 200}
    say(one, {W45: "5"}, now=NOW + timedelta(hours=1))
    derive_owed(now=NOW)
    assert values_of(kpi) == {W45: 10, W46: 200}
    assert MeasurementRevision.objects.get(kpi=kpi, value=200).note == "2"
    current = KpiInput.objects.filter(kpi=kpi, is_current=True).values_list("input__code", flat=True)
    assert list(current) == ["TWO"]
    calculate(kpi, "[TWO] + 1", since=W45)
    derive_owed(now=NOW)
    assert values_of(kpi) == {W45: 101, W46: 201}
    assert KpiInput.objects.filter(kpi=kpi).count() == 1


def test_a_kpi_that_was_entered_keeps_what_people_entered_before_it_was_derived():
    one = an_input("ONE")
    kpi = a_kpi("Once typed", measure_unit="", active_from=W45, status="draft", polarity="unscored")
    kpi = move_on(kpi=kpi, to="active", by=kpi.owner, now=NOW)
    say(kpi, {W45: "77"})
    say(one, {W45: "1", W46: "2"})
    calculate(kpi, "[ONE] × 3", since=W46)
    derive_owed(now=NOW)
    assert values_of(kpi) == {W45: 77, W46: 6}


def test_a_locked_period_is_named_not_written_and_computed_once_it_is_open_again():
    one = an_input("ONE")
    twice = derived("[ONE] × 2")
    say(one, {W45: "1"})
    derive_owed(now=NOW)
    say(one, {W45: "2", W46: "3"}, now=NOW + timedelta(hours=1))
    PeriodLock.objects.create(calendar=one.calendar, locked_until=W46, locked_by=one.owner, locked_at=NOW)
    derive_owed(now=NOW)
    assert values_of(twice) == {W45: 2, W46: 6}
    waiting = OwedDerivation.objects.get()
    assert (waiting.kpi, waiting.period_start, waiting.waits_for_lock) == (twice, W45, True)
    derive_owed(now=NOW)
    assert OwedDerivation.objects.get() == waiting
    PeriodReopening.objects.create(
        kpi=twice,
        period_start=W45,
        reason="late records",
        requested_by=one.owner,
        requested_at=NOW,
        approved_by=a_person(),
        decided_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    derive_owed(now=NOW)
    assert values_of(twice) == {W45: 4, W46: 6}
    assert not OwedDerivation.objects.exists()


def test_an_open_period_is_provisional_until_the_day_it_is_over():
    one = an_input("ONE")
    twice = derived("[ONE] × 2")
    say(one, {W47: "4"})
    derive_owed(now=NOW)
    assert Measurement.objects.get(kpi=twice).state == "provisional"
    assert derive_owed(now=NOW) == 0
    derive_owed(now=datetime(2026, 11, 23, 8, tzinfo=UTC))
    assert Measurement.objects.get(kpi=twice).state == "reported"


def test_weeks_come_together_into_months_by_the_aggregation_of_the_input():
    one = an_input("ONE", time_aggregation="sum")
    month = derived("[ONE] × 2", frequency="month", since=date(2026, 10, 1))
    say(one, {date(2026, 9, 28) + WEEK * n: "1" for n in range(5)})
    derive_owed(now=NOW)
    stored = Measurement.objects.get(kpi=month, period_start=date(2026, 10, 1))
    assert (stored.value, stored.state, stored.period_end) == (8, "reported", date(2026, 11, 1))


def test_a_formula_over_a_formula_follows_its_inputs_though_its_own_value_stays():
    a, b = an_input("A", time_aggregation="sum"), an_input("B", time_aggregation="sum")
    derived("[A] ÷ [B]", code="SHARE", time_aggregation="formula", since=date(2026, 9, 28))
    month = derived("[SHARE] × 100", frequency="month", since=date(2026, 10, 1))
    weeks = [date(2026, 9, 28) + WEEK * n for n in range(4)]
    say(a, dict.fromkeys(weeks, "1"))
    say(b, dict.fromkeys(weeks, "2"))
    say(b, {weeks[0]: "5"}, now=NOW + timedelta(hours=1))
    derive_owed(now=NOW)
    assert values_of(month)[date(2026, 10, 1)].quantize(Decimal("0.01")) == Decimal("36.36")
    say(a, {weeks[0]: "10"}, now=NOW + timedelta(hours=2))
    say(b, {weeks[0]: "50"}, now=NOW + timedelta(hours=2))
    derive_owed(now=NOW)
    assert values_of(month)[date(2026, 10, 1)] == Decimal("23.21428571")


def test_a_batch_costs_the_same_number_of_queries_whatever_its_size():
    one = an_input("ONE")
    kpis = [derived(f"[ONE] + {n}") for n in range(6)]
    derive_owed(now=NOW)
    say(one, {W45: "1"})
    counts = []
    for owing in (kpis[:1], kpis):
        OwedDerivation.objects.all().delete()
        OwedDerivation.objects.bulk_create(OwedDerivation(kpi=kpi, period_start=W45) for kpi in owing)
        with CaptureQueriesContext(connection) as queries:
            derive_owed(now=NOW + timedelta(hours=len(owing)))
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("formula", "problem"),
    [
        ("[NOWHERE] + 1", Problem.UNKNOWN_KPI),
        ("[SELF] + 1", Problem.ITSELF),
        ("[ONE] +", Problem.UNEXPECTED),
        ("[YEARLY] + 1", Problem.COARSER),
        ("[GONE] + 1", Problem.UNKNOWN_KPI),
    ],
)
def test_a_formula_that_makes_no_sense_is_refused_and_nothing_is_kept(formula, problem):
    an_input("ONE")
    an_input("YEARLY", frequency="year")
    an_input("GONE", status="retired")
    kpi = derived("[ONE] + 1", code="SELF")
    with pytest.raises(FormulaError) as refused, transaction.atomic():
        calculate(kpi, formula)
    assert refused.value.problem is problem
    kpi.refresh_from_db()
    assert (kpi.formula, kpi.version, kpi.inputs.count()) == ("[ONE] + 1", 1, 1)


def test_a_circle_is_refused_with_its_way():
    an_input("ONE")
    a = derived("[ONE] + 1", code="A")
    derived("[A] + 1", code="B")
    derived("[B] + 1", code="C")
    with pytest.raises(FormulaError) as refused, transaction.atomic():
        calculate(a, "[C] + 1")
    assert (refused.value.problem, refused.value.text) == (Problem.CYCLE, "[A] → [C] → [B] → [A]")


@pytest.mark.django_db(transaction=True)
def test_two_people_who_would_close_a_circle_together_do_not():
    an_input("ONE")
    a, b = derived("[ONE] + 1", code="A"), derived("[ONE] + 2", code="B")
    ready, refused = threading.Barrier(2, timeout=10), []

    def refer(kpi: Kpi, other: str) -> None:
        try:
            ready.wait()
            calculate(kpi, f"[{other}] + 1")
        except FormulaError as error:
            refused.append(error.problem)
        finally:
            connection.close()

    people = [threading.Thread(target=refer, args=pair) for pair in ((a, "B"), (b, "A"))]
    for person in people:
        person.start()
    for person in people:
        person.join(timeout=20)
    assert refused == [Problem.CYCLE]
    pairs = set(KpiInput.objects.filter(is_current=True).values_list("kpi__code", "input__code"))
    assert pairs in ({("A", "B"), ("B", "ONE")}, {("B", "A"), ("A", "ONE")})


def test_an_input_can_neither_be_retired_nor_lose_what_the_formula_needs():
    one = an_input("ONE")
    derived("[ONE] + 1", code="TOTAL")
    with pytest.raises(Refused, match="TOTAL"):
        move_on(kpi=one, to="retired", by=one.owner, now=NOW)
    with pytest.raises(Refused, match="less often"), transaction.atomic():
        define(
            kpi=one,
            seen=seen(one, SHEET),
            values={"frequency": "month"},
            effective_from=W45,
            reason="r",
            breaks_series=True,
            by=one.owner,
            now=NOW,
        )
    one.refresh_from_db()
    assert one.frequency == "week"


def test_a_value_has_one_origin_a_source_or_a_formula():
    an_input("ONE")
    kpi = a_kpi("Fed", code="FED", entry="source")
    source = DataSource.objects.create(code="feed", name="Feed", kind="csv_file", owner=kpi.owner, pull_at="06:10")
    SourceMapping.objects.create(source=source, kpi=kpi, spec={})
    with pytest.raises(Refused, match="comes from “Feed”"), transaction.atomic():
        calculate(kpi, "[ONE] + 1")
    computed = derived("[ONE] + 1")
    spec = {"value": {"agg": "sum", "column": "n"}}
    change = Change(effective_from=W45, reason="r", breaks_series=False)
    with pytest.raises(FedElsewhere, match="computed from other KPIs"):
        feed(source=source, feeds=[Feed(kpi=computed, spec=spec)], change=change, by=kpi.owner, now=NOW)


def test_a_derived_kpi_without_calculation_can_not_be_activated():
    kpi = a_kpi(entry="derived", polarity="unscored", status="draft")
    assert any("calculation" in sentence for sentence in what_is_missing(kpi))
