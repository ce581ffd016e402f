"""How sources and pulls read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.dates import moment
from kpis.domain.figures import delta, number, with_unit
from kpis.domain.periods import period_of
from kpis.forms import period_name
from kpis.models import DataSource, Kpi, Measurement, MeasurementRevision, Pull, StagedReading
from kpis.queries import calendars
from kpis.scheduled import schedule_words

PULLS_SHOWN, CHANGES_SHOWN, REFUSALS_SHOWN = 20, 100, 50
# A pull that nobody has taken for so long waits for a worker to come back; asking every second shows nothing new.
WATCHED_FOR = timedelta(minutes=10)
SOON = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A line of the list of sources."""

    source: DataSource
    kind: str
    schedule: str
    freshness: str
    kpis: str
    state: str
    is_grave: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRow:
    """A line of the pulls of a source."""

    pk: int
    at: str
    state: str
    state_words: str
    rows: str
    values: str
    seconds: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value that a pull brought, or would bring: before and after."""

    kpi: Kpi
    period: str
    before: str
    after: str
    change: str


def sources() -> QuerySet[DataSource]:
    """Return every source with its owner, the KPIs it feeds counted, and whether a pull is held."""
    held = Pull.objects.filter(source=OuterRef("pk"), state=Pull.State.SUSPECT).order_by().values("source")
    return (
        DataSource.objects.select_related("owner")
        .annotate(
            fed=Count("mappings", filter=Q(mappings__kpi__status=Kpi.Status.ACTIVE)),
            held=Subquery(held.annotate(n=Count("pk")).values("n")),
        )
        .order_by("name")
    )


def source_row(source: Any, *, zone: tzinfo) -> SourceRow:
    """Return how one of `sources` reads in the list."""
    state, is_grave = _("answers"), False
    if source.held:
        state, is_grave = _("a pull is held for a decision"), True
    elif source.consecutive_failures:
        failures = source.consecutive_failures
        state = ngettext("%d failed attempt", "%d failed attempts in a row", failures) % failures
        is_grave = True
    elif source.last_applied_at is None:
        state = _("not pulled yet")
    return SourceRow(
        source=source,
        kind=source.get_kind_display(),
        schedule=schedule_in_full(source),
        freshness=moment(source.last_applied_at, zone) if source.last_applied_at else _("never"),
        kpis=ngettext("%d KPI", "%d KPIs", source.fed) % source.fed if source.fed else _("no KPI"),
        state=state,
        is_grave=is_grave,
    )


def schedule_in_full(source: DataSource) -> str:
    """Return when a source is pulled and how far back, like “every day at 06:10, looks back 14 days”."""
    if not source.is_enabled:
        return _("switched off")
    words = schedule_words(source)
    if source.is_snapshot:
        return _("%(schedule)s, a snapshot") % {"schedule": words}
    days = source.look_back_days
    return f"{words}, {ngettext('looks back %d day', 'looks back %d days', days) % days}" if days else words


def pull_row(pull: Pull, *, zone: tzinfo, locale: str) -> PullRow:
    """Return how a pull reads in the list."""
    refused = ngettext("%d line refused", "%d lines refused", pull.rows_refused) % pull.rows_refused
    rows = _("%(kept)s of %(read)s rows") % {
        "kept": number_of(pull.rows_kept, locale),
        "read": number_of(pull.rows_read, locale),
    }
    counts = {"new": pull.values_new, "revised": pull.values_revised, "same": pull.values_unchanged}
    counted = {name: number_of(count, locale) for name, count in counts.items()}
    read = pull.started_at is not None and bool(pull.rows_read)
    return PullRow(
        pk=pull.pk,
        at=moment(pull.started_at or pull.slot, zone),
        state=pull.state,
        state_words=_state_words(pull, zone),
        rows=(f"{rows}, {refused}" if pull.rows_refused else rows) if read else "–",
        values=_("%(new)s new, %(revised)s revised, %(same)s unchanged") % counted
        if pull.state == Pull.State.APPLIED
        else "–",
        seconds=_seconds(pull, locale),
        error=pull.error,
    )


def number_of(count: int, locale: str) -> str:
    """Return a count, grouped as in the locale."""
    return number(Decimal(count), 0, locale=locale)


def is_watched(pulls: list[Pull], *, now: datetime) -> bool:
    """Return whether something is about to happen to one of the pulls, so that a page looks again by itself."""
    return any(
        (pull.state == Pull.State.RUNNING or (pull.next_attempt_at or pull.slot) <= now + SOON)
        and now - (pull.started_at or pull.slot) < WATCHED_FOR
        for pull in pulls
        if pull.state in {Pull.State.WAITING, Pull.State.RUNNING}
    )


def changes_of(pull: Pull, *, locale: str) -> tuple[list[Change], int]:
    """Return what a pull changed, or what a held one would change, and how many changes there are in all."""
    held = pull.state == Pull.State.SUSPECT
    same = {"kpi_id": OuterRef("kpi_id"), "period_start": OuterRef("period_start")}
    before: QuerySet[Any]
    if held:
        rows: QuerySet[Any] = StagedReading.objects.filter(pull=pull)
        before = Measurement.objects.filter(**same)
    else:
        rows = MeasurementRevision.objects.filter(pull=pull)
        before = MeasurementRevision.objects.filter(**same, seq=OuterRef("seq") - 1)
    rows = rows.annotate(before=Subquery(before.values("value")[:1])).select_related("kpi")
    if held:
        rows = rows.filter(Q(before__isnull=True) | Q(value__isnull=True) | ~Q(before=F("value")))
    by_calendar = calendars()
    found = [
        Change(
            kpi=row.kpi,
            period=period_name(period_of(row.period_start, row.kpi.frequency, by_calendar[row.kpi.calendar_id])),
            before=with_unit(number(row.before, row.kpi.decimals, locale=locale), row.kpi.measure_unit),
            after=with_unit(number(row.value, row.kpi.decimals, locale=locale), row.kpi.measure_unit),
            change=delta(row.value - row.before, row.kpi.measure_unit, row.kpi.decimals, locale=locale)
            if row.before is not None and row.value is not None
            else _("new"),
        )
        for row in rows.order_by("-period_start", "kpi__name")[:CHANGES_SHOWN]
    ]
    return found, rows.count()


def _state_words(pull: Pull, zone: tzinfo) -> str:
    if pull.state == Pull.State.WAITING and pull.next_attempt_at:
        return _("tried again at %(time)s") % {"time": f"{pull.next_attempt_at.astimezone(zone):%H:%M}"}
    return {
        Pull.State.WAITING: _("waits for a worker"),
        Pull.State.RUNNING: _("running"),
        Pull.State.APPLIED: _("applied"),
        Pull.State.FAILED: _("failed"),
        Pull.State.SUSPECT: _("held: looks wrong"),
    }[Pull.State(pull.state)]


def _seconds(pull: Pull, locale: str) -> str:
    if pull.started_at is None or pull.finished_at is None or pull.finished_at < pull.started_at:
        return "–"
    seconds = Decimal((pull.finished_at - pull.started_at).total_seconds())
    return with_unit(number(seconds, 1, locale=locale), "s")
