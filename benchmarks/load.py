"""The reference load: an organisation, its KPIs with owners, targets and thresholds, and five years of weeks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction

from benchmarks.judging_in_sql import STORE_EVALUATIONS
from benchmarks.progress import Progress
from kpiplatform.accounts.models import User
from kpis.models import Kpi, PeriodCalendar
from kpis.services.judging import judge
from objectives.models import Objective, Organisation, Perspective, Role, RoleAssignment, StrategyPlan, Unit

PERIODS = 260
KPIS_PER_UNIT, UNITS_PER_AREA = 50, 4
KPIS_PER_OBJECTIVE, KPIS_PER_PERSON = 10, 20
BATCH = 1000
WEEK = timedelta(days=7)

# Of ten KPIs six want much, two little, one a range, one much with thresholds as distances from the target.
POLARITIES = ("higher_is_better",) * 6 + ("lower_is_better",) * 2 + ("within_range", "higher_is_better")

# A wave per KPI with a ripple on it: bands change now and then, and no two series are alike.
VALUE = "round((100 + 14 * sin(k.id * 1.7 + w.n * 0.09) + 4 * sin(k.id * 0.37 * (w.n %% 17) + w.n))::numeric, 2)"

# Every so many weeks the target rises; thresholds stay.
TARGETS = """
INSERT INTO kpis_target (kpi_id, effective_from, value, low, high, reason, recorded_at, recorded_by_id)
SELECT k.id, %(first)s::date + 7 * 87 * step, CASE WHEN k.polarity <> 'within_range' THEN 100 + step END,
       CASE WHEN k.polarity = 'within_range' THEN 90 + step END,
       CASE WHEN k.polarity = 'within_range' THEN 110 + step END, '', %(now)s, k.owner_id
FROM kpis_kpi k, generate_series(0, 2) AS step ORDER BY k.id, step
"""
THRESHOLDS = """
INSERT INTO kpis_thresholdset (kpi_id, effective_from, mode, goal, red_flag, goal_low, goal_high, red_low, red_high,
    scores, reason, recorded_at, recorded_by_id)
SELECT k.id, %(first)s,
       CASE WHEN k.polarity = 'lower_is_better' THEN 'percent' WHEN k.id %% 10 = 9 THEN 'offset' ELSE 'absolute' END,
       NULL,
       CASE WHEN k.polarity = 'lower_is_better' THEN 10 WHEN k.polarity = 'within_range' THEN NULL
            WHEN k.id %% 10 = 9 THEN -8 ELSE 90 END + %(shift)s,
       NULL, NULL,
       CASE WHEN k.polarity = 'within_range' THEN 80 + %(shift)s END,
       CASE WHEN k.polarity = 'within_range' THEN 120 + %(shift)s END,
       '{}', '', %(now)s, k.owner_id
FROM kpis_kpi k WHERE k.id <= %(last_id)s ORDER BY k.id
"""
WEIGHTS = """
INSERT INTO kpis_kpiweight (kpi_id, weight, effective_from, recorded_at, recorded_by_id)
SELECT k.id, 1 + k.id %% 3, %(first)s, %(now)s, k.owner_id FROM kpis_kpi k ORDER BY k.id
"""
MEASUREMENTS = f"""
INSERT INTO kpis_measurement (kpi_id, period_start, period_end, value, state, reason, seq, recorded_at)
SELECT k.id, %(first)s::date + 7 * w.n, %(first)s::date + 7 * w.n + 7, {VALUE}, 'reported', '', 1, %(now)s
FROM kpis_kpi k, generate_series(%(from)s::int, %(to)s::int) AS w(n) ORDER BY k.id, w.n
"""
REVISIONS = """
INSERT INTO kpis_measurementrevision (kpi_id, period_start, period_end, seq, value, state, reason, kind, note,
    recorded_by_id, recorded_at)
SELECT m.kpi_id, m.period_start, m.period_end, 1, m.value, 'reported', '', 'upload', '', k.owner_id, m.recorded_at
FROM kpis_measurement m JOIN kpis_kpi k ON k.id = m.kpi_id
WHERE m.period_start >= %(since)s ORDER BY m.kpi_id, m.period_start
"""
STATES = """
INSERT INTO kpis_kpistate (kpi_id, band, no_band_reason, signal, spark, open_band, health, days_late)
SELECT k.id, '', '', '', '{}', '', 'never', 0 FROM kpis_kpi k ORDER BY k.id
"""
# Alerting has followed up to the week before the last.
ALERT_STATES = """
INSERT INTO alerts_alertstate (kpi_id, confirmed_band, confirmed_since, pending, folded_through, seq)
SELECT kpi_id, band, period_start, '[]', period_start, 1 FROM kpis_evaluation
WHERE period_start = %(last)s::date - 7 ORDER BY kpi_id
"""
CROSSINGS = """
INSERT INTO alerts_bandcrossing (kpi_id, seq, from_band, to_band, period_start, period_end, cause, rule_version,
    recorded_at)
SELECT kpi_id, 1, '', band, period_start, period_end, 'first', 0, %(now)s FROM kpis_evaluation
WHERE period_start = %(last)s::date - 7 ORDER BY kpi_id
"""
OWE = "UPDATE kpis_kpistate SET dirty_from = %(start)s, dirty_since = %(now)s, recorded_at = %(now)s"
VALUE_TABLES = (
    "kpis_measurement",
    "kpis_measurementrevision",
    "kpis_evaluation",
    "kpis_kpistate",
    "objectives_objectivestate",
    "alerts_alertstate",
    "alerts_bandcrossing",
    "alerts_announcement",
    "alerts_subscription",
    "kpis_pull",
)


@dataclass(slots=True, kw_only=True)
class Load:
    """What was built; `now` lies in the week after the last that has values, and moves on with each new week."""

    size: int
    now: datetime
    first: date
    weeks: int = PERIODS

    @property
    def last(self) -> date:
        """The start of the latest week."""
        return self.first + (self.weeks - 1) * WEEK

    def next_week(self) -> None:
        """Let a week pass."""
        self.weeks += 1
        self.now += WEEK

    @property
    def kpi_ids(self) -> range:
        return range(1, self.size + 1)

    def person(self, role: str) -> User:
        """Return the person that sees one unit, one area, or owns KPIs."""
        return User.objects.get(email=f"{role}@example.com")


def build_definitions(*, size: int, now: datetime) -> Load:
    """Write everything but values and return the load; needs an empty database."""
    monday = now.date() - timedelta(days=now.weekday())
    load = Load(size=size, now=now, first=monday - PERIODS * WEEK)
    with transaction.atomic():
        Organisation.objects.create(pk=1, name="Benchmark")
        calendar = PeriodCalendar.objects.create(name="Standard", is_default=True)
        units = _units(size)
        people = _people(size)
        RoleAssignment.objects.bulk_create(
            [
                RoleAssignment(user=people[0], unit=units[1], role=Role.MANAGER),
                RoleAssignment(user=people[1], unit=units[0], role=Role.MANAGER),
                *(RoleAssignment(user=person, unit=units[-1], role=Role.MEMBER) for person in people[2:]),
            ]
        )
        objectives = _objectives(load, units[0].parent, people)
        _kpis(load, calendar, units, people, objectives)
        with connection.cursor() as cursor:
            for statement in (TARGETS, THRESHOLDS, WEIGHTS):
                cursor.execute(statement, {"first": load.first, "now": now, "shift": 0, "last_id": size})
    _analyse()
    return load


def build_values(load: Load, progress: Progress) -> None:
    """Write the values and what follows from them as statements; the product judges the last week."""
    truncate_values()
    parameters = {"first": load.first, "since": load.first, "from": 0, "to": load.weeks - 1, "last": load.last}
    parameters |= {"now": load.now, "ids": list(load.kpi_ids)}
    with _without_foreign_keys("kpis_measurement", "kpis_measurementrevision", "kpis_evaluation"):
        for what, statement in (
            ("measurements", MEASUREMENTS),
            ("revisions", REVISIONS),
            ("evaluations", STORE_EVALUATIONS),
            ("states", STATES),
            ("states of alerts", ALERT_STATES),
            ("crossings", CROSSINGS),
        ):
            progress.say(f"reference load: {what}")
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
        progress.say("reference load: foreign keys")
    progress.say("reference load: last week")
    owe_week(load)
    _analyse()
    judge(kpi_ids=load.kpi_ids, now=load.now)
    _analyse()


@contextmanager
def _without_foreign_keys(*tables: str) -> Iterator[None]:
    """Check references of the tables all together at the end, not row by row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])",
            [list(tables)],
        )
        keys = cursor.fetchall()
        for table, name, _ in keys:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        try:
            yield
        finally:
            for table, name, definition in keys:
                cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def bring_week(load: Load) -> None:
    """Let a week pass and give every KPI its value, recorded but not judged."""
    load.next_week()
    parameters = {"first": load.first, "since": load.last, "from": load.weeks - 1, "to": load.weeks - 1}
    with connection.cursor() as cursor:
        for statement in (MEASUREMENTS, REVISIONS):
            cursor.execute(statement, parameters | {"now": load.now})
    owe_week(load)


def owe_week(load: Load) -> None:
    """Leave the judgement of the last week to whoever comes, with the tables swept."""
    with connection.cursor() as cursor:
        cursor.execute(OWE, {"start": load.last, "now": load.now})
        cursor.execute("VACUUM ANALYZE kpis_kpistate, kpis_evaluation, kpis_measurement")


def truncate_values() -> None:
    """Forget all values and what follows from them; definitions stay."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(VALUE_TABLES)} CASCADE")


def _analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _units(size: int) -> list[Unit]:
    """Return the area that everything is seen in first, then the units in the order in which KPIs fill them."""
    company = Unit.objects.create(code="company", name="Benchmark", path="/company/")
    wanted = -(-size // KPIS_PER_UNIT)
    areas = Unit.objects.bulk_create(
        Unit(code=f"area-{n}", name=f"Area {n}", parent=company, path=f"/company/area-{n}/", position=n)
        for n in range(-(-wanted // UNITS_PER_AREA))
    )
    units = Unit.objects.bulk_create(
        Unit(code=f"unit-{n}", name=f"Unit {n}", parent=area, path=f"{area.path}unit-{n}/", position=n)
        for n in range(wanted)
        for area in [areas[n // UNITS_PER_AREA]]
    )
    return [areas[0], *units]


def _people(size: int) -> list[User]:
    names = ["unit", "area", *(f"owner-{n}" for n in range(max(size // KPIS_PER_PERSON, 1)))]
    return User.objects.bulk_create(
        User(email=f"{name}@example.com", name=name.replace("-", " ").title(), password="!") for name in names
    )


def _objectives(load: Load, company: Unit, people: list[User]) -> list[Objective]:
    plan = StrategyPlan.objects.create(
        code="plan", name="Plan", starts_on=load.first, ends_on=load.first + 2 * PERIODS * WEEK
    )
    perspectives = Perspective.objects.bulk_create(
        Perspective(plan=plan, code=code, name=code.title(), position=position)
        for position, code in enumerate(("financial", "customer", "process", "people"))
    )
    objectives = Objective.objects.bulk_create(
        Objective(
            plan=plan,
            perspective=perspectives[n % 4],
            unit=company,
            code=f"objective-{n}",
            name=f"Objective {n}",
            owner=people[2 + n % (len(people) - 2)],
            position=n % 30_000,
            minimum_coverage=Decimal("0.5"),
        )
        for n in range(-(-load.size // KPIS_PER_OBJECTIVE))
    )
    # Every tenth is the parent of the nine that follow it.
    for n, objective in enumerate(objectives):
        objective.parent = objectives[n - n % 10] if n % 10 else None
    Objective.objects.bulk_update(objectives, ["parent"], batch_size=BATCH)
    return objectives


def _kpis(
    load: Load, calendar: PeriodCalendar, units: list[Unit], people: list[User], objectives: list[Objective]
) -> None:
    owners = people[2:]
    Kpi.objects.bulk_create(
        (
            Kpi(
                id=n + 1,
                code=f"B{n + 1:06}",
                name=f"Indicator {n + 1}",
                objective=objectives[n // KPIS_PER_OBJECTIVE],
                unit=units[1 + n // KPIS_PER_UNIT],
                calendar=calendar,
                measure_unit="%",
                polarity=POLARITIES[(n + 1) % 10],
                tier=Kpi.Tier.OPERATIONAL,
                indicator_type=Kpi.IndicatorType.LAGGING,
                frequency=Kpi.Frequency.WEEK,
                time_aggregation=Kpi.Aggregation.AVERAGE,
                owner=owners[n % len(owners)],
                entry=Kpi.Entry.SOURCE,
                status=Kpi.Status.ACTIVE,
                created_at=load.now,
                active_from=load.first,
            )
            for n in range(load.size)
        ),
        batch_size=BATCH,
    )
