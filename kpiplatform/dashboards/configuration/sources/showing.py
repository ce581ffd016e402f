"""How sources and pulls read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from kpiplatform.dashboards.configuration.sources.record import Record, fresh_within, within_words
from kpiplatform.dashboards.models import SourceSetup
from kpis.dates import day, moment
from kpis.domain.cut_periods import Cut, cuts
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import Calendar
from kpis.domain.schedule import next_slots
from kpis.forms import period_name
from kpis.models import DataSource, Kpi, Pull
from kpis.queries import is_behind
from kpis.scheduled import schedule_words
from kpis.services.freshness import is_scheduled
from kpis.sources.registry import settings_of
from kpis.words import in_words

PULLS_SHOWN, REFUSALS_SHOWN, SLOTS_SHOWN = 10, 50, 5
STATES = {
    Pull.State.WAITING: gettext_lazy("waits for a worker"),
    Pull.State.RUNNING: gettext_lazy("running"),
    Pull.State.APPLIED: gettext_lazy("applied"),
    Pull.State.FAILED: gettext_lazy("failed"),
    Pull.State.SUSPECT: gettext_lazy("held: looks wrong"),
}
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
    agreed: str
    record: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRow:
    """A line of the pulls of a source."""

    pk: int
    at: str
    state: str
    state_words: str
    rows: str
    values: str
    rules: str
    seconds: str
    error: str
    asked: str
    decided: str


def with_standing(sources: QuerySet[DataSource]) -> QuerySet[DataSource]:
    """Return the sources with their owner, the KPIs they feed counted, and whether a pull is held."""
    held = Pull.objects.filter(source=OuterRef("pk"), state=Pull.State.SUSPECT).order_by().values("source")
    return (
        sources.select_related("owner", "agreement")
        .annotate(
            fed=Count("mappings", filter=Q(mappings__kpi__status=Kpi.Status.ACTIVE)),
            held=Subquery(held.annotate(n=Count("pk")).values("n")),
        )
        .order_by("name")
    )


def source_row(source: Any, *, zone: tzinfo, now: datetime, record: Record | None) -> SourceRow:
    """Return how one of `with_standing` reads in the list."""
    state, is_grave = _("answers"), False
    if source.held:
        state, is_grave = _("a pull is held for a decision"), True
    elif source.consecutive_failures:
        failures = source.consecutive_failures
        state = ngettext("%d failed attempt", "%d failed attempts in a row", failures) % failures
        is_grave = True
    elif is_behind(source, now):
        state, is_grave = _("behind since %(moment)s") % {"moment": moment(source.behind_from, zone)}, True
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
        agreed=within_words(minutes) if (minutes := fresh_within(source)) is not None else "",
        record=record,
    )


def schedule_in_full(source: DataSource) -> str:
    """Return when a source is pulled and how far back, like “every day at 06:10, looks back 14 days”."""
    words = schedule_words(source)
    if not source.is_enabled:
        return words
    if source.is_snapshot:
        return _("%(schedule)s, a snapshot") % {"schedule": words}
    days = source.look_back_days if is_scheduled(source) else 0
    return f"{words}, {ngettext('looks back %d day', 'looks back %d days', days) % days}" if days else words


def settings_shown(source: DataSource) -> list[tuple[str, str]]:
    """Return what somebody chose of a source in the words of its form; its query and its secrets are not among it."""
    shown = []
    for one in settings_of(source.kind):
        value = source.config.get(one.name)
        if one.name != "query" and isinstance(value, str) and one.counts(source.config):
            words = dict(one.choices).get(value)
            shown.append((_(one.label), _(words) if words else value))
    return shown


def next_slots_of(source: DataSource, *, after: datetime, zone: tzinfo) -> list[str]:
    """Return when a source is pulled next, on the clock of the organisation; nothing for one that isn't by itself."""
    if not source.is_enabled or not is_scheduled(source):
        return []
    slots = next_slots(source.schedule, after=after, zone=zone, count=SLOTS_SHOWN)
    return [f"{WEEKDAYS_ABBR[slot.weekday()]} {moment(slot, zone)}" for slot in slots]


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
        rules=rules_words(pull),
        seconds=_seconds(pull, locale),
        error=in_words(pull.error, locale=locale),
        asked=_asked_words(pull),
        decided=_decided_words(pull),
    )


def cut_words(first: date | None, last: date | None, rhythms: Iterable[tuple[str, Calendar]]) -> list[str]:
    """Say of which periods the rows of a source have only a part, and which."""
    return [_cut(cut) for cut in cuts(first, last, sorted(set(rhythms), key=lambda rhythm: rhythm[0]))]


def _cut(cut: Cut) -> str:
    begins, ends = cut.first != cut.period.start, cut.last != cut.period.last_day
    text = {
        (True, False): _("%(period)s: the rows begin on %(first)s; the value is of %(there)d of %(all)d days."),
        (False, True): _("%(period)s: the rows end on %(last)s; the value is of %(there)d of %(all)d days."),
    }.get(
        (begins, ends),
        _("%(period)s: the rows are of %(first)s to %(last)s; the value is of %(there)d of %(all)d days."),
    )
    return text % {
        "period": period_name(cut.period),
        "first": f"{WEEKDAYS[cut.first.weekday()]}, {day(cut.first)}",
        "last": f"{WEEKDAYS[cut.last.weekday()]}, {day(cut.last)}",
        "there": cut.days_there,
        "all": cut.days,
    }


def is_read_by_days(source: DataSource) -> bool:
    """Return whether a source can be asked for the days since some day: it has a past, and is not always read whole."""
    return not source.is_snapshot and is_scheduled(source)


def takes_files(source: DataSource) -> bool:
    """Return whether people send in the files of a source."""
    return source.config.get("origin") == "upload"


def unfed_words(pull: Pull | None) -> list[str]:
    """Say which rows of a pull no KPI is about, but for those that were there when the source was connected."""
    setup = SourceSetup.objects.filter(source=pull.source_id).first() if pull and pull.unfed else None
    if pull is None or setup is None:
        return []
    known = {(entry["measure"]["group_by"], str(one["value"])) for entry in setup.measures for one in entry["groups"]}
    new = {column: [text for text in texts if (column, text) not in known] for column, texts in pull.unfed.items()}
    says = _("No KPI takes the rows in which %(column)s is %(texts)s.")
    return [says % {"column": column, "texts": ", ".join(texts)} for column, texts in new.items() if texts]


def rules_words(pull: Pull) -> str:
    """Say how many rules a pull kept, like “3 of 4 kept”; nothing where none was asked."""
    if not pull.rules_checked:
        return ""
    of = {"kept": pull.rules_checked - pull.rules_broken, "all": pull.rules_checked}
    return _("%(kept)d of %(all)d kept") % of


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


def _asked_words(pull: Pull) -> str:
    """Say who asked for a pull of other days than usual, and why; nothing for any other pull."""
    if pull.asked_by is None or not pull.asked_because:
        return ""
    words = {"who": pull.asked_by.name, "why": pull.asked_because}
    if pull.since is None:
        return _("%(who)s asked for all days: %(why)s") % words
    return _("%(who)s asked for the days since %(day)s: %(why)s") % (words | {"day": day(pull.since)})


def _decided_words(pull: Pull) -> str:
    """Say who applied a pull that was held, and why; nothing for any other pull."""
    if pull.decided_by is None or pull.state != Pull.State.APPLIED:
        return ""
    return _("%(who)s applied it: %(why)s") % {"who": pull.decided_by.name, "why": pull.decided_because}


def _state_words(pull: Pull, zone: tzinfo) -> str:
    if pull.state == Pull.State.WAITING and pull.next_attempt_at:
        if not pull.source.is_enabled:
            return _("tried again once the source is switched on")
        return _("tried again at %(time)s") % {"time": f"{pull.next_attempt_at.astimezone(zone):%H:%M}"}
    return str(STATES[Pull.State(pull.state)])


def _seconds(pull: Pull, locale: str) -> str:
    if pull.started_at is None or pull.finished_at is None or pull.finished_at < pull.started_at:
        return "–"
    if pull.state == Pull.State.APPLIED and pull.decided_by_id is not None:
        return "–"  # it was held until somebody decided
    seconds = Decimal((pull.finished_at - pull.started_at).total_seconds())
    return with_unit(number(seconds, 1, locale=locale), "s")
