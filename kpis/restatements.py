"""Values that changed after they were first reported, and what became of their bands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from kpis.domain.judged import Rules, Valued, judge_periods
from kpis.domain.periods import Calendar, first_of_year
from kpis.grades import Then, grades_then
from kpis.models import MeasurementRevision
from kpis.queries import calendars, rules_of
from kpis.readings import PROVISIONAL

Bands = tuple[str, str]


def restatements(*, zone: ZoneInfo, since: datetime | None = None, until: datetime | None = None) -> QuerySet[Any]:
    """Return the revisions recorded from `since` on and before `until` that changed what had been reported as final.

    What was provisional was said to change, and nothing is final while its period runs where the organisation is, not
    even that it does not apply. Newest first. `was` is the value before, `was_at` when that was recorded;
    there is none where the period had not applied, or had nothing to count.
    """
    found = _changes(since, until).exclude(was_state=PROVISIONAL)
    return found.alias(made_on=TruncDate("recorded_at", tzinfo=zone)).filter(made_on__gte=F("period_end"))


def settled(*, zone: ZoneInfo, since: datetime | None = None, until: datetime | None = None) -> QuerySet[Any]:
    """Return the revisions that changed a provisional value of a period that was over where the organisation is.

    They are no restatements, but what was read in the meantime was another value. As long as a period runs, its value
    has to change: those are left out.
    """
    found = _changes(since, until).filter(was_state=PROVISIONAL)
    return found.alias(was_on=TruncDate("was_at", tzinfo=zone)).filter(was_on__gte=F("period_end"))


def _changes(since: datetime | None, until: datetime | None) -> QuerySet[Any]:
    before = MeasurementRevision.objects.filter(
        kpi=OuterRef("kpi"), period_start=OuterRef("period_start"), seq=OuterRef("seq") - 1
    )
    found = MeasurementRevision.objects.filter(seq__gt=1)
    if since is not None:
        found = found.filter(recorded_at__gte=since)
    if until is not None:
        found = found.filter(recorded_at__lt=until)
    annotated = found.annotate(
        was=Subquery(before.values("value")[:1]),
        was_state=Subquery(before.values("state")[:1]),
        was_at=Subquery(before.values("recorded_at")[:1]),
    )
    differs = Q(value__lt=F("was")) | Q(value__gt=F("was"))
    appeared, vanished = Q(value__isnull=False, was__isnull=True), Q(value__isnull=True, was__isnull=False)
    return annotated.filter(differs | appeared | vanished).order_by("-recorded_at", "-pk")


def bands_of(rows: Sequence[Any]) -> dict[int, Bands]:
    """Return the band before and after each restatement, by its id: by the limits that were known when it was made.

    Three queries at most; the restatements come with their KPIs.
    """
    kpis = {row.kpi_id: row.kpi for row in rows}
    rules, by_calendar = rules_of(list(kpis.values())), calendars()
    earlier = _earlier([pk for pk, kpi in kpis.items() if kpi.is_cumulative])
    return {row.pk: _bands(row, rules[row.kpi_id], by_calendar, earlier.get(row.kpi_id, [])) for row in rows}


def grades_of_changes(
    rows: Sequence[Any], *, now: datetime, zone: ZoneInfo, known_at: datetime | None = None
) -> dict[int, Bands]:
    """Return the grade of the value before and after each restatement, by its id; "" where there is no value.

    Each as it was known at the end of the time for which the value stood: what stands now has its grade of now. With
    `known_at` nothing is known that was recorded from then on.
    """
    after = MeasurementRevision.objects.filter(
        kpi=OuterRef("kpi"), period_start=OuterRef("period_start"), seq=OuterRef("seq") + 1
    )
    if known_at is not None:
        after = after.filter(recorded_at__lt=known_at)
    listed = MeasurementRevision.objects.filter(pk__in=[row.pk for row in rows])
    ended = dict(listed.annotate(ended_at=Subquery(after.values("recorded_at")[:1])).values_list("pk", "ended_at"))
    before = {row.pk: (row.kpi_id, row.period_start, row.recorded_at) for row in rows if row.was is not None}
    present = {
        row.pk: (row.kpi_id, row.period_start, ended[row.pk] or known_at) for row in rows if row.value is not None
    }
    grades = grades_then({*before.values(), *present.values()}, now=now, zone=zone)

    def grade(asked: Mapping[int, Then], pk: int) -> str:
        return grades.get(asked[pk], "") if pk in asked else ""

    return {row.pk: (grade(before, row.pk), grade(present, row.pk)) for row in rows}


def _bands(row: Any, rules: Rules, by_calendar: dict[int, Calendar], earlier: Sequence[Any]) -> Bands:
    before, after = (
        Valued(row.period_start, row.period_end, value, state, "")
        for value, state in ((row.was, row.was_state), (row.value, row.state))
    )
    years: list[date] | None = None
    others: list[Valued] = []
    if row.kpi.is_cumulative:
        calendar = by_calendar[row.kpi.calendar_id]
        first = first_of_year(row.period_start, row.kpi.frequency, calendar)
        others = list(_known(earlier, row, first))
        years = [first] * (len(others) + 1)
    old, new = (
        list(judge_periods([*others, one], rules, fiscal_years=years, known_at=row.recorded_at))[-1].band
        for one in (before, after)
    )
    return old, new


def _earlier(kpi_ids: Sequence[int]) -> dict[int, list[Any]]:
    """Return every revision of the KPIs that add up over the year, in the order in which they were recorded."""
    found: dict[int, list[Any]] = defaultdict(list)
    if kpi_ids:
        for row in MeasurementRevision.objects.filter(kpi_id__in=kpi_ids).order_by("period_start", "seq"):
            found[row.kpi_id].append(row)
    return found


def _known(revisions: Sequence[Any], row: Any, first: date) -> Iterator[Valued]:
    """Yield the values of the year before the period, as they were known when it was restated."""
    known = {
        one.period_start: one
        for one in revisions
        if first <= one.period_start < row.period_start and one.recorded_at <= row.recorded_at
    }
    for start in sorted(known):
        one = known[start]
        yield Valued(one.period_start, one.period_end, one.value, one.state, one.reason)
