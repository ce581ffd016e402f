"""What PostgreSQL judges is what the domain function judges, to the last place, on limits of every kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random

import pytest
from django.db import connection, transaction
from psycopg import ClientCursor

from kpis.as_known import states_as_known
from kpis.bulk import BY_KEY
from kpis.bulk import STORE as STORE_READINGS
from kpis.bulk import _bring as bring
from kpis.domain.judged import Judged, judge_periods
from kpis.models import Evaluation, Kpi, Measurement, PeriodCalendar, Target, ThresholdSet
from kpis.queries import calendars, fiscal_years_of, rules_of, values_of
from kpis.readings import Origin, Reading
from kpis.services.evaluating import STORE, Owed, evaluate
from kpis.services.recording import record_measurements
from tests.factories import NOW, a_kpi, a_person, an_objective, limits, the_calendar

pytestmark = pytest.mark.django_db

FIRST = date(2025, 9, 29)
WEEK = timedelta(days=7)
EACH = 6  # KPIs of every kind
POLARITIES = ("higher_is_better", "lower_is_better", "within_range", "unscored")
MODES = ("absolute", "offset", "percent", "scores", "none")
STORED = Decimal("0.00000001")


def a_number(chance: Random) -> Decimal:
    """Round and crooked, small and large, often the same, so that values lie on limits and between two places."""
    match chance.randrange(5):
        case 0:
            return Decimal(chance.randrange(-3, 8))
        case 1:
            return Decimal(chance.randrange(-300, 300)) / 100
        case 2:
            return Decimal(chance.randrange(-(10**12), 10**12)).scaleb(-8)
        case 3:
            return Decimal(chance.randrange(-(10**15), 10**15)).scaleb(-4)
        case _:
            return Decimal(chance.choice(["0", "1", "1.00005", "1.00015", "2.00025", "-1", "3"]))


def maybe(chance: Random, number: Decimal | None) -> Decimal | None:
    return number if chance.random() < 0.8 else None


def a_target(chance: Random, kpi: Kpi, since: date, recorded_at: datetime) -> Target:
    low, high = sorted([a_number(chance), a_number(chance)])
    is_range = chance.random() < (0.7 if kpi.polarity == "within_range" else 0.1)
    numbers = {"low": low, "high": high} if is_range else {"value": a_number(chance)}
    return Target(kpi=kpi, effective_from=since, recorded_at=recorded_at, recorded_by=kpi.owner, **numbers)


def thresholds(chance: Random, kpi: Kpi, mode: str, since: date, recorded_at: datetime) -> ThresholdSet:
    row = ThresholdSet(kpi=kpi, effective_from=since, recorded_at=recorded_at, recorded_by=kpi.owner, mode=mode)
    if mode == "scores":
        row.mode = "absolute"
        row.scores = {"0": 0, "1": 3.33333, "1.0": 6.66665, "2": 5.00005, "3": "6.6667", "-1": 10}
        return row
    if kpi.polarity == "within_range":
        row.red_low, row.goal_low, row.goal_high, row.red_high = sorted(a_number(chance) for _ in range(4))
        if mode != "absolute":
            row.red_low, row.red_high = -abs(row.red_low) - 1, abs(row.red_high) + 1
            row.goal_low, row.goal_high = Decimal(0), Decimal(0)
        elif row.red_low == row.goal_low or row.goal_high == row.red_high:
            row.red_low, row.red_high = row.red_low - 1, row.red_high + 1
        return row
    row.goal, row.red_flag = maybe(chance, a_number(chance)), maybe(chance, a_number(chance))
    if row.goal == row.red_flag or row.red_flag == 0:
        row.goal, row.red_flag = None, Decimal(7)
    return row


def rules(chance: Random, kpi: Kpi, mode: str) -> Iterator[Target | ThresholdSet]:
    """Up to three versions of each, some for the same day, some from before the first value."""
    for version in range(chance.randrange(3)):
        since = FIRST + WEEK * chance.choice([-4, 0, 3, 3, 9])
        yield a_target(chance, kpi, since, NOW + timedelta(minutes=version))
    if mode != "none":
        for version in range(1 + chance.randrange(2)):
            since = FIRST + WEEK * chance.choice([-4, 0, 3, 9])
            yield thresholds(chance, kpi, mode, since, NOW + timedelta(minutes=version))


def values(chance: Random, kpi: Kpi) -> Iterator[Measurement]:
    numbers = [number for row in rules_of([kpi])[kpi.pk].targets for number in (row.value, row.low) if number]
    for week in range(24):
        state = chance.choice(["reported"] * 8 + ["provisional", "not_applicable"])
        number = maybe(chance, chance.choice([*numbers, a_number(chance), a_number(chance)]))
        if state == "not_applicable":
            number = None
        if chance.random() < 0.1:
            continue
        start = FIRST + WEEK * week
        reason = "" if number is not None else chance.choice(["zero_denominator", "closed"])
        yield Measurement(
            kpi=kpi, period_start=start, period_end=start + WEEK, value=number, state=state, reason=reason, seq=1,
            recorded_at=NOW,
        )  # fmt: skip


@pytest.fixture
def kpis() -> list[Kpi]:
    """KPIs of every polarity and every kind of threshold, every fourth cumulative, by two calendars."""
    chance = Random(20261122)
    retail = PeriodCalendar.objects.create(name="Retail", pattern="445", fiscal_year_start_month=2)
    shared = {"owner": a_person(), "objective": an_objective()}
    made = []
    for number, (polarity, mode) in enumerate(list(product(POLARITIES, MODES)) * EACH):
        calendar = retail if number % 3 else the_calendar()
        kpi = a_kpi(polarity=polarity, is_cumulative=number % 4 == 0, calendar=calendar, **shared)
        given = list(rules(chance, kpi, mode))
        Target.objects.bulk_create(row for row in given if isinstance(row, Target))
        ThresholdSet.objects.bulk_create(row for row in given if isinstance(row, ThresholdSet))
        Measurement.objects.bulk_create(values(chance, kpi))
        made.append(kpi)
    return made


def by_the_domain(kpis: list[Kpi]) -> dict[int, list[Judged]]:
    all_rules, by_calendar = rules_of(kpis), calendars()
    judged = {}
    for kpi in kpis:
        rows = values_of(kpi)
        years = fiscal_years_of(kpi, rows, by_calendar)
        judged[kpi.pk] = [as_stored(row) for row in judge_periods(rows, all_rules[kpi.pk], fiscal_years=years)]
    return judged


def as_stored(row: Judged) -> Judged:
    def eight(number: Decimal | None) -> Decimal | None:
        return None if number is None else number.quantize(STORED, rounding="ROUND_HALF_UP")

    return row._replace(
        value=eight(row.value),
        goal=eight(row.goal),
        red_flag=eight(row.red_flag),
        goal_high=eight(row.goal_high),
        red_high=eight(row.red_high),
    )


def stored(kpis: list[Kpi]) -> dict[int, list[Judged]]:
    found: dict[int, list[Judged]] = {kpi.pk: [] for kpi in kpis}
    for kpi_id, *row in Evaluation.objects.order_by("kpi_id", "period_start").values_list("kpi_id", *Judged._fields):
        found[kpi_id].append(Judged(*row))
    return found


def evaluate_all(kpis: list[Kpi], since: date = date.min, *, judged_before: bool = False) -> int:
    owed = [Owed(kpi.pk, since, kpi.calendar_id, kpi.is_cumulative) for kpi in kpis]
    return evaluate(owed=owed, calendars=calendars(), now=NOW, judged_before=judged_before)


def test_postgresql_judges_as_the_domain_function_does(kpis):
    assert evaluate_all(kpis) == Measurement.objects.count()
    expected, found = by_the_domain(kpis), stored(kpis)
    for kpi in kpis:
        assert found[kpi.pk] == expected[kpi.pk], f"{kpi.polarity}, {rules_of([kpi])}"
    reasons = {row.no_band_reason for rows in found.values() for row in rows}
    assert reasons >= {"", "unscored", "no_thresholds", "no_target", "target_zero", "wrong_order", "unknown_option"}
    assert reasons >= {"no_value", "zero_denominator"}
    assert {row.band for rows in found.values() for row in rows} == {"", "on_track", "at_risk", "off_track"}
    assert evaluate_all(kpis) == evaluate_all(kpis, judged_before=True) == 0  # what stands is not written again
    count = Evaluation.objects.update(value=None, score=None, band="")
    assert evaluate_all(kpis, judged_before=True) > count / 2
    assert stored(kpis) == found


@pytest.mark.parametrize("statement", [STORE, STORE_READINGS], ids=["evaluations", "measurements"])
def test_an_almost_empty_table_is_not_read_whole_for_every_row(statement: str) -> None:
    table = "kpis_evaluation" if statement is STORE else "kpis_measurement"
    given = {"ids": "{1,2}", "since": "{2026-01-05,2026-01-05}", "calendars": "{}", "years": "{}", "now": NOW}
    origin = dict.fromkeys(("pull", "user", "approved_by", "unusual_by"))
    with connection.cursor() as cursor, transaction.atomic():
        bring(cursor, [])
        cursor.execute(f"SELECT FROM {BY_KEY}")
        explain = ClientCursor(connection.connection)
        explain.execute(f"EXPLAIN {statement}", given | origin | {"kind": "pull", "note": ""})
        plan = "\n".join(line for (line,) in explain.fetchall())
    assert f"using {table}_pkey on {table}" in plan
    assert f"Seq Scan on {table}" not in plan
    reads = re.findall(r"Scan.* on kpis_(?:measurement|evaluation)\b.*\n\s+(.*)", plan)
    assert [found for found in reads if not re.match("(Index|TID) Cond: ", found)] == []
    assert len(reads) == (4 if statement is STORE else 2), plan


@pytest.mark.django_db
def test_a_week_adds_up_in_the_fiscal_year_of_its_last_day_as_everywhere_else():
    kpi = a_kpi(is_cumulative=True, time_aggregation="sum", active_from=date(2025, 12, 15))
    limits(kpi, goal=10, red_flag=5)
    weeks = [date(2025, 12, 15) + WEEK * count for count in range(5)]  # the third ends on 4 January

    def record(start: date, value: int) -> None:
        record_measurements(
            readings=[Reading(kpi_id=kpi.pk, period_start=start, period_end=start + WEEK, value=Decimal(value))],
            origin=Origin(kind="manual", user_id=kpi.owner_id),
            now=NOW,
        )

    def sums() -> list[int]:
        return [int(value) for value in Evaluation.objects.order_by("period_start").values_list("value", flat=True)]

    for start in weeks:
        record(start, 10)
    assert sums() == [10, 20, 10, 20, 30]
    record(weeks[3], 15)  # judged from the first week of its year on
    assert sums() == [10, 20, 10, 25, 35]
    record(weeks[2], 20)
    assert sums() == [10, 20, 20, 35, 45]
    states = states_as_known(kpis=[kpi], before=NOW.date(), known_at=NOW + WEEK)
    last = states[kpi.pk][0].last
    assert last is not None
    assert (last.value, last.goal) == (45, 30)
