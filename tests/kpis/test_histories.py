"""Random histories: what is known of a past day is what stood on the screen then, and nothing depends on the order."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen
from kpis.as_known import states_as_known
from kpis.domain.periods import Period, period_of, previous_period
from kpis.models import Evaluation, Kpi, KpiState, Measurement, Target, ThresholdSet
from kpis.objectives_as_known import objectives_as_known
from kpis.queries import calendar_of
from kpis.readings import NOT_APPLICABLE, PROVISIONAL, REPORTED, Origin, PeriodLocked, Reading
from kpis.services.aiming import set_target, set_thresholds
from kpis.services.calendars import lock_periods
from kpis.services.defining import SHEET, define, move_on, set_weight
from kpis.services.deriving import derive_owed
from kpis.services.formulas import owe_from
from kpis.services.judging import judge_owed, rejudge
from kpis.services.recording import record_measurements
from kpis.services.refusal import Refused
from kpis.services.rolling import roll_up_due
from kpis.services.undoing import bring_back
from objectives.models import Objective, ObjectiveState, Organisation
from objectives.services.refusal import Refused as ObjectiveRefused
from objectives.services.strategy import judge_by_hand, weigh_objective
from tests.factories import a_kpi, a_person, an_objective, the_company

pytestmark = pytest.mark.django_db
LONG_AGO, BEGINNING = datetime(2025, 1, 1, tzinfo=UTC), date(2020, 1, 1)
DAY = timedelta(days=1)
EVALUATED = "kpi_id, period_start, value, goal, red_flag, goal_high, red_high, score, band, no_band_reason"
STATED = f"{EVALUATED}, previous_value, band_since, signal, spark::text, open_start, open_value, open_band, recent"
ROLLED = "objective_id, score, band, average, worst_score, coverage, with_data, total"


class Company:
    """Eleven KPIs of every rhythm and kind below four objectives, two of them computed, and somebody who works."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        the_company()
        self.zone = ZoneInfo(self.random.choice(["UTC", "America/New_York", "Pacific/Auckland"]))
        Organisation.objects.update(time_zone=self.zone.key)
        self.start = date(2026, self.random.choice([2, 9]), 3) if seed % 2 else date(2026, 12, 10)
        self.me: User = a_person()
        root = an_objective("Root", roll_up_method=self.random.choice(["weighted_average", "worst_child"]))
        self.below: list[Objective] = [
            an_objective(method, parent=root, roll_up_method=method)
            for method in ("weighted_average", "worst_child", "manual")
        ]
        self.objectives = [root, *self.below]
        self.locked: list[tuple[date, list[tuple[Any, ...]]]] = []
        self.kpis = [self.typed(number, root) for number in range(9)]
        one, other = self.random.sample(self.kpis, 2)
        often = max(one.frequency, other.frequency, key=["day", "week", "month"].index)
        missing = self.random.choice(["blank", "zero", "ignore"])
        half = self.computed(f"([{one.code}] + [{other.code}]) / 2", often, missing)
        self.computed(f"[{half.code}] - [{one.code}]", "week" if often == "day" else "month", "ignore")

    def typed(self, number: int, root: Objective) -> Kpi:
        polarity = self.random.choice([Kpi.Polarity.HIGHER, Kpi.Polarity.LOWER, Kpi.Polarity.RANGE, "unscored"])
        adds_up = polarity != Kpi.Polarity.RANGE and self.random.random() < 0.3
        kpi = a_kpi(
            f"KPI {number}",
            objective=self.random.choice([root, *self.below[:2]]),
            frequency=self.random.choice(["day", "week", "week", "month"]),
            polarity=polarity,
            is_cumulative=adds_up,
            time_aggregation="sum" if adds_up else "average",
            created_at=LONG_AGO,
            owner=self.me,
            active_from=self.start - 400 * DAY,
        )
        rule = {"kpi": kpi, "effective_from": BEGINNING, "recorded_at": LONG_AGO, "recorded_by": self.me}
        if polarity == Kpi.Polarity.RANGE:
            numbers = {"goal_low": 40, "goal_high": 60, "red_low": 30, "red_high": 70}
            ThresholdSet.objects.create(**rule, mode="absolute", **numbers)
        elif polarity != "unscored":
            Target.objects.create(**rule, value=60)
            ThresholdSet.objects.create(**rule, mode="absolute", red_flag=45 if polarity == Kpi.Polarity.HIGHER else 75)
        return kpi

    def computed(self, formula: str, frequency: str, missing: str) -> Kpi:
        since = self.start - 300 * DAY
        kpi = a_kpi(
            formula,
            status="draft",
            frequency=frequency,
            polarity="unscored",
            measure_unit="",
            objective=self.below[0],
            created_at=LONG_AGO,
            owner=self.me,
            active_from=since,
        )
        define(
            kpi=kpi,
            seen=seen(kpi, SHEET),
            values={"entry": "derived", "formula": formula, "missing_policy": missing},
            effective_from=since,
            reason="It is computed.",
            breaks_series=False,
            by=self.me,
            now=LONG_AGO,
        )
        return move_on(kpi=Kpi.objects.get(pk=kpi.pk), to="active", by=self.me, now=LONG_AGO)

    def end_of(self, day: date) -> datetime:
        return datetime.combine(day + DAY, time.min, self.zone)

    def works(self, day: date) -> None:
        """Do a few things at moments of the day, each followed by what follows, and let the day end."""
        for hour in sorted(self.random.uniform(0.1, 23.8) for _ in range(self.random.choice([0, 1, 1, 2, 4]))):
            now = datetime.combine(day, time.min, self.zone) + timedelta(hours=hour)
            with suppress(Refused, ObjectiveRefused, PeriodLocked):  # nothing was written then
                self.does_something(day, now)
            settle(now)
        settle(self.end_of(day) - timedelta(microseconds=1))

    def does_something(self, day: date, now: datetime) -> None:
        does = self.random.choices([action for action, _often in ACTIONS], [often for _action, often in ACTIONS])[0]
        does(self, self.random.choice(self.kpis), day, now)

    def around(self, day: date) -> date:
        return day + self.random.randint(-60, 30) * DAY

    def number(self) -> Decimal:
        return Decimal(self.random.randint(0, 4))

    def wants(self, kpi: Kpi, day: date, now: datetime) -> None:
        if kpi.polarity in BY_LINE:
            value = Decimal(self.random.randint(50, 65))
            set_target(kpi=kpi, effective_from=self.around(day), value=value, reason="moved", by=self.me, now=now)

    def draws_lines(self, kpi: Kpi, day: date, now: datetime) -> None:
        if kpi.polarity in BY_LINE:
            numbers = {"red_flag": Decimal(self.random.randint(*BY_LINE[kpi.polarity]))}
            since, why = self.around(day), "moved"
            set_thresholds(
                kpi=kpi, effective_from=since, mode="absolute", limits=numbers, reason=why, by=self.me, now=now
            )

    def weighs(self, kpi: Kpi, day: date, now: datetime) -> None:
        set_weight(kpi=kpi, weight=self.number(), effective_from=self.around(day), by=self.me, now=now)

    def weighs_objective(self, _kpi: Kpi, day: date, now: datetime) -> None:
        objective = self.random.choice(self.below)
        weigh_objective(objective=objective, weight=self.number(), effective_from=self.around(day), by=self.me, now=now)

    def judges(self, _kpi: Kpi, day: date, now: datetime) -> None:
        said = {"score": 2 * self.number(), "confidence": 50, "note": "Seen.", "effective_from": self.around(day)}
        judge_by_hand(objective=self.below[2], **said, by=self.me, now=now)

    def brings_back(self, kpi: Kpi, _day: date, now: datetime) -> None:
        corrected = Measurement.objects.filter(kpi=kpi, seq__gt=1).order_by("period_start").first()
        if corrected is not None:
            which = {"period_start": corrected.period_start, "seq": 1, "expected_seq": corrected.seq}
            bring_back(kpi=kpi, **which, note="As it was.", user=self.me, now=now)

    def defines(self, kpi: Kpi, day: date, now: datetime) -> None:
        fresh = Kpi.objects.get(pk=kpi.pk)
        define(
            kpi=fresh,
            seen=seen(fresh, SHEET),
            values={"formula_in_words": str(now)},
            effective_from=period_of(self.around(day), kpi.frequency, calendar_of(kpi.calendar)).start,
            reason="It is counted otherwise.",
            breaks_series=self.random.random() < 0.7,
            by=self.me,
            now=now,
        )

    def comes_or_goes(self, kpi: Kpi, _day: date, now: datetime) -> None:
        fresh = Kpi.objects.get(pk=kpi.pk)
        move_on(kpi=fresh, to="retired" if fresh.status == "active" else "active", by=self.me, now=now)

    def locks(self, kpi: Kpi, day: date, now: datetime) -> None:
        until, by = day - self.random.randint(3, 40) * DAY, {"by": self.me, "today": day, "now": now}
        held = lock_periods(calendar=kpi.calendar, unit=None, until=until, reason="Reviewed.", **by)
        self.locked.append((held.locked_until, judged_up_to(held.locked_until)))

    def some_period(self, kpi: Kpi, day: date) -> Period:
        calendar = calendar_of(kpi.calendar)
        period = period_of(day, kpi.frequency, calendar)
        for _ in range(self.random.choice([0, 1, 1, 1, 2, 3, 8, 14])):
            period = previous_period(period, calendar)
        return period

    def says(self, kpi: Kpi, day: date, now: datetime) -> None:
        period = self.some_period(kpi, day)
        is_open = period.end > day or self.random.random() < 0.15
        value: Decimal | None = Decimal(self.random.randint(20, 90))
        state, reason = PROVISIONAL if is_open else REPORTED, ""
        if self.random.random() < 0.1:
            value, state, reason = None, NOT_APPLICABLE, "closed"
        reading = Reading(kpi.pk, period.start, period.end, value, state=state, reason=reason)
        record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=self.me.pk), now=now)


BY_LINE = {Kpi.Polarity.HIGHER: (30, 49), Kpi.Polarity.LOWER: (66, 80)}  # where the red flag may be
ACTIONS = (
    *((Company.says, 12), (Company.wants, 2), (Company.draws_lines, 2), (Company.defines, 2), (Company.weighs, 1)),
    *((Company.weighs_objective, 1), (Company.judges, 1), (Company.brings_back, 1), (Company.comes_or_goes, 1)),
    (Company.locks, 0.3),
)


def judged_up_to(end: date) -> list[tuple[Any, ...]]:
    """Return how what ended by a day is judged."""
    rows = Evaluation.objects.filter(period_end__lte=end).order_by("kpi", "period_start")
    return list(rows.values_list("kpi", "period_start", "value", "goal", "red_flag", "score", "band"))


def settle(now: datetime) -> None:
    derive_owed(now=now)
    judge_owed(now=now)
    roll_up_due(now=now)


def stored() -> list[list[tuple[Any, ...]]]:
    """Return what is derived from values, targets and weights, whenever it was."""
    found = []
    for table, columns in (
        ("kpis_measurement", "kpi_id, period_start, value, state, reason"),
        ("kpis_evaluation", EVALUATED),
        ("kpis_kpistate", STATED),
        ("objectives_objectivestate", ROLLED),
    ):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
            found.append(cursor.fetchall())
    return found


def on_the_screen() -> tuple[dict[int, tuple[Any, ...]], dict[int, tuple[Any, ...]]]:
    """Return how KPIs that have a closed value and objectives stand now."""
    states = KpiState.objects.exclude(period_start=None)
    names = ("value", "goal", "red_flag", "goal_high", "red_high", "score", "band")
    kpis = {
        row.pk: (row.period_start, *(getattr(row, name) for name in names), row.previous_value, row.band_since)
        for row in states
    }
    return kpis, {row.pk: (row.score, row.band) for row in ObjectiveState.objects.all()}


def as_known(company: Company, day: date) -> tuple[dict[int, tuple[Any, ...]], dict[int, tuple[Any, ...]]]:
    """Return the same by what was known at the end of a past day."""
    asked: dict[str, Any] = {"before": day + DAY, "known_at": company.end_of(day)}
    names = ("period_start", "value", "goal", "red_flag", "goal_high", "red_high", "score", "band")
    kpis = {
        pk: (*(getattr(state.last, name) for name in names), state.previous_value, since)
        for pk, (state, since) in states_as_known(kpis=list(Kpi.objects.all()), whole_bands=True, **asked).items()
    }
    rolled = objectives_as_known(objective_ids=[row.pk for row in company.objectives], on=day, **asked)
    return kpis, {pk: (one.score, one.band) for pk, one in rolled.items()}


def test_a_past_day_is_known_as_it_was_and_all_is_the_same_computed_anew(request: pytest.FixtureRequest) -> None:
    """Two short histories; with `--thorough` thirty long ones."""
    seeds, length = (30, 70) if request.config.getoption("--thorough") else (2, 28)
    for seed in range(seeds):
        with transaction.atomic():
            happens(Company(seed), length)
            transaction.set_rollback(True)


def happens(company: Company, length: int) -> None:
    shown = {}
    for day in (company.start + number * DAY for number in range(length)):
        company.works(day)
        shown[day] = on_the_screen()
    for until, judged in company.locked:
        assert judged_up_to(until) == judged
    before = stored()
    for kpi in Kpi.objects.filter(entry=Kpi.Entry.DERIVED):
        owe_from(kpi, BEGINNING)
    now = company.end_of(day) - timedelta(microseconds=1)
    derive_owed(now=now)
    rejudge(kpi_ids=list(Kpi.objects.values_list("pk", flat=True)), since=BEGINNING, now=now)
    assert stored() == before
    for day, (kpis, objectives) in shown.items():
        then_kpis, then_objectives = as_known(company, day)
        assert then_kpis == kpis, day
        assert {pk: then_objectives[pk] for pk in objectives} == objectives, day
