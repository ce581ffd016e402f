"""Grades of confidence in values, of those that were computed from others, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from kpis.calculations import parsed_or_none
from kpis.domain.confidence import Confidence, confidence, inherited
from kpis.domain.formula.deriving import span_of
from kpis.domain.formula.series import Span
from kpis.domain.formula.tree import Node, codes, terms
from kpis.domain.periods import Calendar, period_of
from kpis.evidence import Key, Version, evidence_of, evidence_once_approved
from kpis.models import Kpi, MeasurementRevision
from kpis.queries import calendars

# Of a long span, like a year of days, so many of the newest values are graded.
VALUES_GRADED = 12
INSTANT = timedelta(microseconds=1)
type Then = tuple[int, date, datetime | None]  # a KPI, the first day of a period, and when its value was known

# Which version of a definition computed a value is what its revision notes. A value that is asked for as known just
# before another took its place was followed by that one.
COMPUTED = """
SELECT w.number, v.definition->>'formula', coalesce(v.definition->>'frequency', k.frequency),
    coalesce((v.definition->>'calendar_id')::bigint, k.calendar_id), r.recorded_at, EXISTS (
        SELECT 1 FROM kpis_measurementrevision
        WHERE kpi_id = w.kpi_id AND period_start = w.start AND recorded_at = w.known_at
    )
FROM unnest(%(ids)s::bigint[], %(starts)s::date[], %(moments)s::timestamptz[])
    WITH ORDINALITY AS w(kpi_id, start, known_at, number)
JOIN kpis_kpi k ON k.id = w.kpi_id
CROSS JOIN LATERAL (
    SELECT kind, note, recorded_at FROM kpis_measurementrevision
    WHERE kpi_id = w.kpi_id AND period_start = w.start
        AND (w.known_at IS NULL OR recorded_at < w.known_at)
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
    WHERE kpi_id = w.input_id AND period_end > w.since AND period_end <= w.until AND recorded_at < w.known_at
    ORDER BY period_start DESC, seq DESC
) AS known
WHERE value IS NOT NULL ORDER BY period_start DESC LIMIT %(most)s
"""
USED = """
SELECT w.number, m.period_start
FROM unnest(%(inputs)s::bigint[], %(since)s::date[], %(until)s::date[], %(moments)s::timestamptz[])
    WITH ORDINALITY AS w(input_id, since, until, known_at, number)
CROSS JOIN LATERAL ({used}) AS m
"""


# What an input brought after a value was computed and before another took its place is what that one came of.
CAUSES = """
SELECT w.number, max(r.recorded_at)
FROM unnest(%(inputs)s::bigint[], %(since)s::date[], %(until)s::date[], %(computed)s::timestamptz[],
    %(moments)s::timestamptz[]) WITH ORDINALITY AS w(input_id, since, until, computed_at, known_at, number)
JOIN kpis_measurementrevision r ON r.kpi_id = w.input_id AND r.period_end > w.since AND r.period_end <= w.until
    AND r.recorded_at > w.computed_at AND r.recorded_at < w.known_at
GROUP BY w.number
"""


class _Formula(NamedTuple):
    """What computed a value: the formula as it was written then, the rhythm and the calendar, when, and whether
    another value came of it at the moment for which it is asked.
    """

    node: Node
    frequency: str
    calendar_id: int
    computed_at: datetime
    is_replaced: bool


class _Use(NamedTuple):
    """A computed value, and the days of an input that it was computed from."""

    version: Version
    input_id: int
    span: Span


def confidence_of(keys: Iterable[Key], *, today: date, known_at: datetime | None = None) -> dict[Key, Confidence]:
    """Return the confidence in values, named as (KPI, first day of the period); of what was never recorded nothing.

    One query; four more for each step by which computed values stand above what was measured, however many they are.
    With `known_at` it is what was known then; `today` is that day.
    """
    found = _confidence({Version(kpi_id, start, known_at, today) for kpi_id, start in keys})
    return {(one.kpi_id, one.start): its for one, its in found.items()}


def confidence_then(asked: Iterable[Then], *, now: datetime, zone: ZoneInfo) -> dict[Then, Confidence]:
    """Return the confidence in values as each was known just before a moment of its own, None for now.

    A version that was replaced is asked for with the moment of the next one. `zone` is that of the organisation. Two
    queries where values of now and of then are asked for, and the steps of computed ones.
    """
    versions = {
        Version(kpi_id, start, at, (now if at is None else at - INSTANT).astimezone(zone).date())
        for kpi_id, start, at in asked
    }
    return {(one.kpi_id, one.start, one.known_at): its for one, its in _confidence(versions).items()}


def grades_then(asked: Iterable[Then], *, now: datetime, zone: ZoneInfo) -> dict[Then, str]:
    """Return the grades of values as each was known just before a moment of its own, None for now."""
    return {one: its.grade for one, its in confidence_then(asked, now=now, zone=zone).items()}


def grades_of_versions(rows: Sequence[MeasurementRevision], *, now: datetime, zone: ZoneInfo) -> dict[int, str]:
    """Return the grades of the versions of one value by their numbers; they come newest first.

    A version that was replaced has the grade with which it ended.
    """
    ended = [None, *(row.recorded_at for row in rows)][: len(rows)]
    asked = {
        row.seq: (row.kpi_id, row.period_start, at)
        for row, at in zip(rows, ended, strict=True)
        if row.value is not None
    }
    grades = grades_then(asked.values(), now=now, zone=zone)
    return {seq: grades[one] for seq, one in asked.items() if one in grades}


def grades_once_approved(keys: Iterable[Key], *, now: datetime, today: date) -> dict[Key, str]:
    """Return the grades that values which wait will have if somebody approves them now."""
    found = evidence_once_approved(keys, now=now, today=today)
    return {key: confidence(its, of=key[0], start=key[1]).grade for key, its in found.items()}


def grades_in_spans[Name: Hashable](
    asked: Mapping[Name, tuple[int, Span]], *, today: date, known_at: datetime | None = None
) -> dict[Name, str]:
    """Return the grade of what a formula takes of a KPI over a span: that of the weakest of its newest values."""
    uses = {
        name: _Use(Version(kpi_id, span.start, known_at, today), kpi_id, span) for name, (kpi_id, span) in asked.items()
    }
    made_of: dict[_Use, list[Key]] = defaultdict(list)
    for use, start in _values(USED_NOW if known_at is None else USED_THEN, list(set(uses.values()))):
        made_of[use].append((use.input_id, start))
    grades = grades_together(made_of, today=today, known_at=known_at)
    return {name: grades[use] for name, use in uses.items() if use in grades}


def _confidence(versions: Collection[Version]) -> dict[Version, Confidence]:
    evidence = evidence_of(versions)
    found = {one: confidence(its, of=one.kpi_id, start=one.start) for one, its in evidence.items()}
    used = _inputs_of([one for one in versions if one not in found])
    below = _confidence({one for of in used.values() for one in of}) if used else {}
    for version, inputs in used.items():
        computed = inherited(below[one] for one in inputs if one in below)
        if computed is not None:
            found[version] = computed
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


def _inputs_of(versions: Sequence[Version]) -> dict[Version, set[Version]]:
    """Return the values that computed ones were computed from, as they were known when the computed ones were."""
    formulas = _formulas(versions) if versions else {}
    if not formulas:
        return {}
    by_calendar = calendars()
    named = {code for formula in formulas.values() for code in codes(formula.node)}
    ids = dict(Kpi.objects.filter(code__in=named).values_list("code", "pk"))
    uses = [use for one, formula in formulas.items() for use in _uses(one, formula, by_calendar, ids)]
    causes = _causes([use for use in uses if formulas[use.version].is_replaced], formulas)
    found: dict[Version, set[Version]] = defaultdict(set)
    for statement, some in (
        (USED_NOW, [use for use in uses if use.version.known_at is None]),
        (USED_THEN, [use for use in uses if use.version.known_at is not None]),
    ):
        for use, start in _values(statement, some, causes):
            known_at = causes.get(use.version, use.version.known_at)
            found[use.version].add(use.version._replace(kpi_id=use.input_id, start=start, known_at=known_at))
    return found


def _causes(uses: Sequence[_Use], formulas: Mapping[Version, _Formula]) -> dict[Version, datetime]:
    """Return when what replaced a computed value came into an input: a moment before the computation that followed."""
    if not uses:
        return {}
    parameters = _parameters(uses) | {
        "computed": [formulas[use.version].computed_at for use in uses],
        "moments": [use.version.known_at for use in uses],
    }
    causes: dict[Version, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(CAUSES, parameters)
        for number, recorded_at in cursor.fetchall():
            version = uses[number - 1].version
            causes[version] = max(causes.get(version, recorded_at), recorded_at)
    return causes


def _formulas(versions: Sequence[Version]) -> dict[Version, _Formula]:
    parameters: dict[str, Any] = {
        "ids": [one.kpi_id for one in versions],
        "starts": [one.start for one in versions],
        "moments": [one.known_at for one in versions],
    }
    with connection.cursor() as cursor:
        cursor.execute(COMPUTED, parameters)
        rows = cursor.fetchall()
    return {
        versions[number - 1]: _Formula(node, *rest)
        for number, text, *rest in rows
        if (node := parsed_or_none(text or "")) is not None
    }


def _uses(
    version: Version, formula: _Formula, by_calendar: Mapping[int, Calendar], ids: Mapping[str, int]
) -> Iterable[_Use]:
    calendar = by_calendar[formula.calendar_id]
    own = Span.of(period_of(version.start, formula.frequency, calendar))
    for term in terms(formula.node):
        span = span_of(term, own, calendar)
        if span is not None and term.code in ids:
            yield _Use(version, ids[term.code], span)


def _values(
    statement: str, uses: Sequence[_Use], causes: Mapping[Version, datetime] = MappingProxyType({})
) -> list[tuple[_Use, date]]:
    """Return the days of the values that were used; those of a version that was replaced as known before its cause."""
    if not uses:
        return []
    parameters = _parameters(uses) | {
        "moments": [causes.get(use.version, use.version.known_at) for use in uses],
        "most": VALUES_GRADED,
    }
    with connection.cursor() as cursor:
        cursor.execute(USED.format(used=statement), parameters)
        return [(uses[number - 1], start) for number, start in cursor.fetchall()]


def _parameters(uses: Sequence[_Use]) -> dict[str, Any]:
    return {
        "inputs": [use.input_id for use in uses],
        "since": [use.span.start for use in uses],
        "until": [use.span.end for use in uses],
    }
