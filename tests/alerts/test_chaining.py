"""What PostgreSQL chains under the default rule is what the fold says, on random histories."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from unittest import mock

import pytest
from django.db import connection, transaction
from psycopg import ClientCursor

from alerts.domain.fold import Fact, Rule, fold
from alerts.models import AlertRule, AlertState, Announcement, BandCrossing, Incident, Message
from alerts.services import note_judgements, noting
from alerts.services.announcing import UNTOLD
from alerts.services.chaining import CHAIN, chain
from kpis.bulk import BY_KEY
from kpis.models import Evaluation, Kpi
from tests.alerts.factories import MONDAY, OFF, ON, RISK, judged, week
from tests.factories import a_kpi, a_person, an_objective

pytestmark = pytest.mark.django_db

TWINS = 8
STEPS = 14


@pytest.fixture
def twins() -> list[tuple[Kpi, Kpi]]:
    """Pairs of KPIs; the second has the default rule as one of its own, which is left to the fold in Python."""
    shared = {"owner": a_person(), "objective": an_objective()}
    pairs = [(a_kpi(**shared), a_kpi(**shared)) for _ in range(TWINS)]
    AlertRule.objects.bulk_create(
        AlertRule(kpi=ruled, effective_from=date.min, recorded_at=MONDAY, recorded_by=ruled.owner) for _, ruled in pairs
    )
    return pairs


def a_history(chance: Random, newest: int) -> dict[date, str | None]:
    """New values or none, values that come late, replace others or lose their band."""
    weeks = {week(number) for number in range(newest, newest + chance.choice([0, 1, 1, 2, 6]))}
    if chance.random() < 0.4:
        weeks |= {week(number) for number in chance.sample(range(10, newest + 1), chance.randint(1, 5))}
    return {start: chance.choice([ON, ON, RISK, OFF, OFF, None]) for start in weeks}


def bring(chance: Random, twins: list[tuple[Kpi, Kpi]], newest: int) -> dict[int, date]:
    """Judge the same values of both of some pairs, and return from when on each was judged anew, or again."""
    judged_from = {}
    for pair in twins:
        values = a_history(chance, newest)
        judged_again = [week(chance.randint(12, newest))] if chance.random() < 0.2 else []
        running = chance.random() < 0.2
        for kpi in pair if values or judged_again else ():
            judged(kpi, values, provisional=running)
            judged_from[kpi.pk] = min([*values, *judged_again])
    return judged_from


def stored(side: list[Kpi]) -> list[list[tuple]]:
    """All that is stored of the alerts of some KPIs, but which version of a rule it was; a KPI is its place."""
    places = {kpi.pk: place for place, kpi in enumerate(side)}

    def rows(of, *columns):
        found = of.objects.filter(kpi__in=side).values_list("kpi_id", *columns)
        return sorted(((places[kpi_id], *rest) for kpi_id, *rest in found), key=repr)

    crossed = ("seq", "from_band", "to_band", "period_start", "period_end", "cause", "value", "goal", "red_flag")
    trouble = ("opened_by__seq", "worst_band", "opened_at", "explanation_asked_at", "closed_at", "explanation_due_on")
    return [
        rows(BandCrossing, *crossed, "recorded_at"),
        rows(AlertState, "confirmed_band", "confirmed_since", "pending", "folded_through", "seq"),
        rows(Incident, *trouble),
        rows(Announcement, "band", "seq", "told_at"),
        rows(Message, "kind", "crossing__seq", "facts__was", "facts__told", "facts__explain_by"),
    ]


def by_the_fold(side: list[Kpi]) -> dict[int, tuple[str, date | None, date | None]]:
    facts = {kpi.pk: [] for kpi in side}
    for row in Evaluation.objects.filter(kpi__in=side, is_provisional=False):
        facts[row.kpi_id].append(Fact(period_start=row.period_start, band=row.band))
    states = {kpi_id: fold(own, Rule(confirm=1)).state for kpi_id, own in facts.items()}
    return {kpi_id: (state.confirmed, state.since, state.through) for kpi_id, state in states.items()}


def by_the_crossings(side: list[Kpi]) -> list[tuple]:
    """The incidents that the crossings of each KPI make, taken one by one."""
    expected = []
    for place, kpi in enumerate(side):
        incident = None
        for crossing in BandCrossing.objects.filter(kpi=kpi).order_by("seq"):
            band, at = crossing.to_band, crossing.recorded_at
            if band == "on_track":
                if incident and incident["opened"] < at:
                    expected.append((place, *incident.values(), at))
                incident = None
            elif incident is None:
                incident = {"seq": crossing.seq, "worst": band, "opened": at, "asked": at}
            elif incident["worst"] < band:
                incident |= {"worst": band, "asked": at}
        if incident:
            expected.append((place, *incident.values(), None))
    return expected


@pytest.mark.parametrize("seed", range(3))
def test_postgresql_chains_as_the_fold_does(twins, seed):
    chance, chained = Random(seed), []
    plain, ruled = (list(side) for side in zip(*twins, strict=True))

    def seen(**given):
        rows = chain(**given)
        chained.extend(rows)
        return rows

    for step in range(STEPS):
        judged_from = bring(chance, twins, 14 + 2 * step)
        cause = chance.choice(["value", "value", "edit", "correction"])
        now = MONDAY - timedelta(weeks=STEPS - step)
        with mock.patch.object(noting, "chain", seen), transaction.atomic():
            note_judgements(kpi_ids=list(judged_from), judged_from=judged_from, cause=cause, now=now)
        assert stored(plain) == stored(ruled), f"step {step}, {cause}"
        states = AlertState.objects.filter(kpi__in=plain)
        folded = {row.pk: (row.confirmed_band, row.confirmed_since, row.folded_through) for row in states}
        assert folded.items() <= by_the_fold(plain).items()
    assert [row[:-1] for row in stored(plain)[2]] == sorted(by_the_crossings(plain), key=repr)
    assert {row.kpi_id for row in chained} == {kpi.pk for kpi in plain}
    assert sum(row.crossings for row in chained) > BandCrossing.objects.filter(kpi__in=plain).count() / 2


GIVEN = {
    "kpi_ids": "{1}", "judged_from": "{2026-01-05}", "frequencies": ["week"], "cause": "value",
    "calendars": "{1}", "due": "{2026-01-05}", "now": MONDAY,
}  # fmt: skip


@pytest.mark.parametrize(("statement", "given"), [(CHAIN, GIVEN), (UNTOLD, ["{1}"])], ids=["chain", "untold"])
def test_a_plan_for_empty_tables_looks_up_rows_too(statement, given):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_class SET relpages = 0, reltuples = 0 WHERE relname ~ '^(alerts|kpis|objectives)_'")
        cursor.execute(f"SELECT FROM {BY_KEY}")
    explain = ClientCursor(connection.connection)
    explain.execute(f"EXPLAIN {statement}", given)
    lines = [line.strip() for (line,) in explain.fetchall()]
    reads = {line: below for line, below in pairwise(lines) if re.search(r"Scan .*on (alerts|kpis)_", line)}
    assert len(reads) > 5
    assert [line for line, below in reads.items() if " Cond: " not in below] == []
    assert not any(re.match(r"Join Filter: \((e|step\w*)\.kpi_id", line) for line in lines)  # all steps for each KPI
