"""Grades of confidence in values, of those that were computed from others, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from kpis.calculations import parsed_or_none
from kpis.domain.confidence import Confidence, confidence, inherited
from kpis.domain.formula.deriving import span_of
from kpis.domain.formula.series import Span
from kpis.domain.formula.tree import Node, codes, terms
from kpis.domain.periods import Calendar, period_of
from kpis.evidence import Key, evidence_of
from kpis.models import Kpi
from kpis.queries import calendars

# Of a long span, like a year of days, so many of the newest values are graded.
VALUES_GRADED = 12
# Which version of a definition computed a value is what its revision notes.
COMPUTED = """
SELECT w.kpi_id, w.start, v.definition->>'formula', coalesce(v.definition->>'frequency', k.frequency),
    coalesce((v.definition->>'calendar_id')::bigint, k.calendar_id)
FROM unnest(%(ids)s::bigint[], %(starts)s::date[]) AS w(kpi_id, start)
JOIN kpis_kpi k ON k.id = w.kpi_id
CROSS JOIN LATERAL (
    SELECT kind, note FROM kpis_measurementrevision
    WHERE kpi_id = w.kpi_id AND period_start = w.start
        AND (%(known_at)s::timestamptz IS NULL OR recorded_at < %(known_at)s)
    ORDER BY seq DESC LIMIT 1
) AS r
JOIN kpis_kpiversion v ON v.kpi_id = w.kpi_id AND v.version::text = r.note
WHERE r.kind = 'derived'
"""
# The value of exactly the span, or those of the periods that end in it.
USED_NOW = """
SELECT period_start, period_end FROM kpis_measurement
WHERE kpi_id = w.input_id AND value IS NOT NULL AND period_end > w.since AND period_end <= w.until
ORDER BY period_start DESC LIMIT %(most)s
"""
USED_THEN = """
SELECT period_start, period_end FROM (
    SELECT DISTINCT ON (period_start) period_start, period_end, value FROM kpis_measurementrevision
    WHERE kpi_id = w.input_id AND period_end > w.since AND period_end <= w.until AND recorded_at < %(known_at)s
    ORDER BY period_start DESC, seq DESC
) AS known
WHERE value IS NOT NULL ORDER BY period_start DESC LIMIT %(most)s
"""
USED = """
SELECT w.number, m.period_start
FROM unnest(%(inputs)s::bigint[], %(since)s::date[], %(until)s::date[])
    WITH ORDINALITY AS w(input_id, since, until, number)
CROSS JOIN LATERAL ({used}) AS m
"""


class _Formula(NamedTuple):
    """What computed a value: the formula as it was written then, the rhythm and the calendar."""

    node: Node
    frequency: str
    calendar_id: int


class _Use(NamedTuple):
    """A computed value, and the days of an input that it was computed from."""

    key: Key
    input_id: int
    span: Span


def confidence_of(keys: Iterable[Key], *, today: date, known_at: datetime | None = None) -> dict[Key, Confidence]:
    """Return the confidence in values, named as (KPI, first day of the period); of what was never recorded nothing.

    One query; four more for each step by which computed values stand above what was measured, however many they are.
    With `known_at` it is what was known then; `today` is that day.
    """
    asked = set(keys)
    evidence = evidence_of(asked, today=today, known_at=known_at)
    found = {key: confidence(its, of=key[0], start=key[1]) for key, its in evidence.items()}
    used = _inputs_of(asked - found.keys(), known_at)
    below = confidence_of({key for of in used.values() for key in of}, today=today, known_at=known_at) if used else {}
    for key, inputs in used.items():
        computed = inherited(below[one] for one in inputs if one in below)
        if computed is not None:
            found[key] = computed
    return found


def grades_of(latest: Mapping[int, date | None], *, today: date, known_at: datetime | None = None) -> dict[int, str]:
    """Return the grade of confidence in one value of each KPI, named by the first day of its period."""
    keys = [(kpi_id, start) for kpi_id, start in latest.items() if start is not None]
    found = confidence_of(keys, today=today, known_at=known_at)
    return {kpi_id: its.grade for (kpi_id, _), its in found.items()}


def grades_together[Name: Hashable](
    made_of: Mapping[Name, Sequence[Key]], *, today: date, known_at: datetime | None = None
) -> dict[Name, str]:
    """Return the grade of each figure that is made of several values, like that of a quarter or the year to date.

    It is worth as much as the weakest of them; they come oldest first, and of many the newest are graded.
    """
    newest = {name: keys[-VALUES_GRADED:] for name, keys in made_of.items()}
    found = confidence_of({key for keys in newest.values() for key in keys}, today=today, known_at=known_at)
    grades = {key: its.grade for key, its in found.items()}
    return {
        name: max(grades[key] for key in keys if key in grades)
        for name, keys in newest.items()
        if any(key in grades for key in keys)
    }


def _inputs_of(keys: Collection[Key], known_at: datetime | None) -> dict[Key, set[Key]]:
    """Return the values that computed ones were computed from."""
    formulas = _formulas(keys, known_at) if keys else {}
    if not formulas:
        return {}
    by_calendar = calendars()
    named = {code for formula in formulas.values() for code in codes(formula.node)}
    ids = dict(Kpi.objects.filter(code__in=named).values_list("code", "pk"))
    uses = [use for key, formula in formulas.items() for use in _uses(key, formula, by_calendar, ids)]
    found: dict[Key, set[Key]] = defaultdict(set)
    for use, start in _values(uses, known_at):
        found[use.key].add((use.input_id, start))
    return found


def _formulas(keys: Collection[Key], known_at: datetime | None) -> dict[Key, _Formula]:
    parameters: dict[str, Any] = {
        "ids": [kpi_id for kpi_id, _ in keys],
        "starts": [start for _, start in keys],
        "known_at": known_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(COMPUTED, parameters)
        rows = cursor.fetchall()
    return {
        (kpi_id, start): _Formula(node, frequency, calendar_id)
        for kpi_id, start, text, frequency, calendar_id in rows
        if (node := parsed_or_none(text or "")) is not None
    }


def _uses(key: Key, formula: _Formula, by_calendar: Mapping[int, Calendar], ids: Mapping[str, int]) -> Iterable[_Use]:
    calendar = by_calendar[formula.calendar_id]
    own = Span.of(period_of(key[1], formula.frequency, calendar))
    for term in terms(formula.node):
        span = span_of(term, own, calendar)
        if span is not None and term.code in ids:
            yield _Use(key, ids[term.code], span)


def _values(uses: list[_Use], known_at: datetime | None) -> Iterable[tuple[_Use, date]]:
    parameters: dict[str, Any] = {
        "inputs": [use.input_id for use in uses],
        "since": [use.span.start for use in uses],
        "until": [use.span.end for use in uses],
        "most": VALUES_GRADED,
        "known_at": known_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(USED.format(used=USED_NOW if known_at is None else USED_THEN), parameters)
        return [(uses[number - 1], start) for number, start in cursor.fetchall()]
