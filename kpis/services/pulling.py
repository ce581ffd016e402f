"""Pulling: which sources are due, and one attempt to fetch a source and record what it says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q

from kpiplatform.accounts.models import User
from kpis.domain.cut_periods import begins_inside, ends_inside
from kpis.domain.periods import Calendar
from kpis.domain.schedule import latest_slot, next_slot
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.models import DataSource, Kpi, Measurement, Pull, SourceMapping
from kpis.queries import calendars
from kpis.readings import Reading
from kpis.services.applying import (
    ATTEMPTS_AT_MOST,
    Fetched,
    NotOurs,
    apply_held_pull,
    discard_held_pull,
    end_well,
    hold,
    looks_wrong,
    note_failure,
    undecided,
)
from kpis.services.checking import controls_of, rules_of_source
from kpis.services.claiming import claim, end_leases_of_the_gone, free, is_lost, let_go
from kpis.services.freshness import is_scheduled
from kpis.services.reaching import reached
from kpis.services.upheaval import Upheaval
from kpis.sources.base import Refusal, SourceError, SourceRows, TookTooLong, Window, window_for
from kpis.sources.mapping import MappedKpi, MappingError, parse_mapping, wanted_columns
from objectives.queries import organisation

__all__ = ["apply_held_pull", "discard_held_pull", "due_pulls", "request_pull", "run_pull"]

log = logging.getLogger(__name__)

# Longer than computing and writing values takes. While a source is being read the lease is renewed; a worker that
# stands still holds its pull for this long.
LEASE = timedelta(seconds=120)
FILES = {DataSource.Kind.CSV_FILE, DataSource.Kind.XLSX_FILE}
STOPPED = _("The worker stopped in the middle of it %(times)s times.")
BROKEN = _("The pull stopped by an error of the platform (%(kind)s).")


def due_pulls(*, now: datetime) -> list[tuple[int, datetime]]:
    """Return (source, slot) of every pull that waits for a worker.

    Those are enabled sources whose slot has passed without a pull for it, pulls to be tried
    again, and pulls whose worker is gone. Slots that were missed while nothing ran are not made up
    for: the latest one fetches what they would have.
    """
    fed = SourceMapping.objects.filter(source=OuterRef("pk"), kpi__status=Kpi.Status.ACTIVE)
    # Files that are sent in are read when they come.
    sources = DataSource.objects.filter(Exists(fed), is_enabled=True).exclude(config__contains={"origin": "upload"})
    zone = _zone()
    # In UTC: in the hour that a clock shows twice, a moment of its zone is equal to none of another.
    slots = {(source.pk, latest_slot(source.schedule, now=now, zone=zone).astimezone(UTC)) for source in sources}
    started = Pull.objects.filter(
        source_id__in=[pk for pk, _ in slots], slot__gte=min((s for _, s in slots), default=now)
    )
    end_leases_of_the_gone(now=now)
    owed = Pull.objects.filter(free(now), source__is_enabled=True).values_list("source_id", "slot")
    return sorted((slots - set(started.values_list("source_id", "slot"))) | set(owed))


def request_pull(
    *,
    source: DataSource,
    now: datetime,
    since: date | None = None,
    by: User | None = None,
    reason: str = "",
) -> Pull:
    """Return a pull of the source that waits for a worker: a new one, unless one is waiting or running.

    With `since` the pull reads from that day on as well, for rows that came later than the source looks back, and
    `reason` stands beside every value that it changes. One that waits to be tried again is due at once.
    """
    asked = {"since": since, "asked_by": by, "asked_because": reason}
    with transaction.atomic():
        DataSource.objects.select_for_update(no_key=True).get(pk=source.pk)
        unfinished = Pull.objects.filter(source=source, state__in=[Pull.State.WAITING, Pull.State.RUNNING])
        found = unfinished.first() if since is None else unfinished.filter(**asked).first()
        if found is None and since is not None:
            # One that waits reads these days too; one that runs has asked for its days already, and one that was asked
            # for by somebody else, or for another reason, keeps its own.
            may_read_more = Q(since=None) | Q(asked_by=by, asked_because=reason)
            found = unfinished.filter(may_read_more, state=Pull.State.WAITING).first()
            if found is not None:
                asked["since"] = min(since, found.since or since)
                Pull.objects.filter(pk=found.pk).update(**asked)
        if found is None:
            return Pull.objects.get_or_create(source=source, slot=now, defaults=asked)[0]
        Pull.objects.filter(pk=found.pk, state=Pull.State.WAITING).update(next_attempt_at=None)
        return Pull.objects.get(pk=found.pk)


def run_pull(*, source_id: int, slot: datetime, now: datetime, lease: timedelta = LEASE) -> Pull:
    """Fetch a source and record its values, all or nothing; return the pull as it stands then.

    Safe to repeat and to run at once: one worker claims the pull, every other call changes
    nothing. What goes wrong with the source is noted on the pull, which is tried again later.
    """
    began = time.monotonic()
    pull = claim(source_id=source_id, slot=slot, now=now, lease=lease)
    if pull is None:
        return Pull.objects.get(source_id=source_id, slot=slot)
    source = pull.source

    def ended() -> datetime:
        return now + timedelta(seconds=time.monotonic() - began)

    def renew() -> None:
        ours = Pull.objects.filter(pk=pull.pk, state=Pull.State.RUNNING, attempts=pull.attempts)
        if not ours.update(lease_until=ended() + lease):
            raise NotOurs

    following = next_slot(source.schedule, after=now, zone=_zone())
    next_try = following if is_scheduled(source) else None
    try:
        if pull.attempts > ATTEMPTS_AT_MOST:
            raise SourceError(Sentence(STOPPED, {"times": ATTEMPTS_AT_MOST}))
        fetched = _fetch(pull, today=now.astimezone(_zone()).date(), following=following, alive=renew)
        renew()
        if why := looks_wrong(source, fetched):
            hold(pull, fetched, why, now=now, ended_at=ended())
        else:
            try:
                end_well(pull, fetched, now=now, ended_at=ended())
            except Upheaval as found:
                pull.refresh_from_db()
                hold(pull, fetched, undecided(found.why), now=now, ended_at=ended())
    except NotOurs:
        log.warning("pull %s was taken over by another worker", pull.pk)
    except SourceError as error:
        # A file that was sent in is read again as it is; only with more time may more come of it.
        may_change = is_scheduled(source) or isinstance(error, TookTooLong) or pull.attempts > ATTEMPTS_AT_MOST
        note_failure(pull, error, now=now, ended_at=ended(), next_slot=next_try, may_change=may_change)
    except Exception as error:
        if is_lost(error):  # whoever comes next begins anew
            raise
        log.exception("pull %s failed", pull.pk)
        unknown = SourceError(Sentence(BROKEN, {"kind": type(error.__cause__ or error).__name__}))
        note_failure(pull, unknown, now=now, ended_at=ended(), next_slot=next_try)
    finally:
        let_go(pull)
    return Pull.objects.get(pk=pull.pk)


def _zone() -> ZoneInfo:
    return ZoneInfo(organisation().time_zone)


def _fetch(pull: Pull, *, today: date, following: datetime, alive: Callable[[], None]) -> Fetched:
    """Read the source and compute its readings. No transaction is open meanwhile."""
    # They load pandas, which only a worker that pulls should wait for.
    from kpis.sources.checking import check_rows, with_rules
    from kpis.sources.computing import compute_readings
    from kpis.sources.unfed import unfed_groups

    source = pull.source
    mapped, refusals = _mapped_kpis(source)
    rules = rules_of_source(source)
    if source.cursor is not None and source.cursor > today:
        says = _("Rows before %(cursor)s were pulled already, but by the clock it is %(today)s.")
        raise SourceError(Sentence(says, {"cursor": source.cursor, "today": today}))
    window = _window(pull, mapped, today)
    columns = with_rules(wanted_columns(kpi.mapping for kpi in mapped), rules)
    with reached(source) as reader:
        day = today if source.is_snapshot else None
        rows = reader.fetch(window=window, columns=columns, snapshot_day=day, alive=alive)
    if not len(rows) and not source.may_be_empty:
        raise SourceError(_no_row(source, window), refusals=rows.refusals, refused=rows.lines_refused, read=rows.read)
    rows_a_day = _rows_a_day(source, rows, window, [kpi.kpi_id for kpi in mapped])
    checked = check_rows(
        rows,
        rules,
        mapped,
        window,
        rows_a_day=rows_a_day,
        usual=source.usual_rows,
        controls=controls_of(rules),
    )
    if source.is_snapshot:
        # What is said before the last slot in a period is provisional for that period.
        of_today = Window(since=None, until=following.astimezone(_zone()).date())
        computed = compute_readings(checked.rows, mapped, of_today, left_out=checked.left_out)
    else:
        computed = compute_readings(checked.rows, mapped, window, left_out=checked.left_out)
    begins_on, ends_on = cut_days(source, rows.distinct_days.tolist(), mapped, window)
    of_values = [*refusals, *computed.refusals]
    return Fetched(
        window=window,
        rows_read=rows.read,
        rows_kept=len(checked.rows),
        rows_a_day=rows_a_day,
        readings=_of_what_the_file_has(source, computed.readings, rows.distinct_days.tolist(), mapped),
        refusals=[*of_values, *rows.refusals, *checked.refusals],
        refused=len(of_values) + rows.lines_refused + checked.refused,
        outcomes=checked.outcomes,
        rows_checked=len(rows),
        rows_refused=checked.refused,
        begins_on=begins_on,
        ends_on=ends_on,
        unfed=unfed_groups(rows, mapped),
    )


def _of_what_the_file_has(
    source: DataSource, readings: Sequence[Reading], days: Sequence[date], mapped: Sequence[MappedKpi]
) -> Sequence[Reading]:
    """Return the readings without those of a period that a file has only the end of: it was pulled when it was whole.

    So is a file that is written anew each day with the last thirty days.
    """
    if source.kind not in FILES or source.is_snapshot or source.cursor is None or not is_scheduled(source) or not days:
        return readings
    rhythms = {(kpi.frequency, kpi.calendar) for kpi in mapped}
    cut = {rhythm for rhythm in rhythms if begins_inside(days, *rhythm)}
    begun = {kpi.kpi_id for kpi in mapped if (kpi.frequency, kpi.calendar) in cut}
    return [one for one in readings if not (one.kpi_id in begun and one.period_start < days[0])] if begun else readings


def cut_days(
    source: DataSource, days: Sequence[date], mapped: Sequence[MappedKpi], window: Window
) -> tuple[date | None, date | None]:
    """Return the first and the last day of rows where they have only a part of the period of a KPI, else None.

    A source that was pulled before begins where its window does, and of one that is pulled again the rest will come.
    """
    rhythms = {(kpi.frequency, kpi.calendar) for kpi in mapped}
    is_sent_in = not is_scheduled(source)
    if source.is_snapshot or not days:
        return None, None
    may_begin = (is_sent_in or source.cursor is None) and (window.since is None or days[0] > window.since)
    begins = may_begin and any(begins_inside(days, *rhythm) for rhythm in rhythms)
    ends = is_sent_in and any(ends_inside(days, *rhythm, until=window.until) for rhythm in rhythms)
    return days[0] if begins else None, days[-1] if ends else None


def _no_row(source: DataSource, window: Window) -> Sentence:
    if source.is_snapshot:
        return Sentence(_("There was no row."))
    if window.since is None:
        return Sentence(_("There was no row for the days before %(until)s."), {"until": window.until})
    says = _(
        "There was no row for the days from %(since)s to before %(until)s. If the newest rows are older, let the source"
        " look back further."
    )
    return Sentence(says, {"since": window.since, "until": window.until})


def _window(pull: Pull, mapped: Sequence[MappedKpi], today: date) -> Window:
    """Return the days to read: those since the last pull and looked back to, unless all or others are asked for."""
    source = pull.source
    if source.is_snapshot:
        return Window(since=today, until=today)
    return window_for(
        cursor=source.cursor if is_scheduled(source) else None,
        look_back_days=source.look_back_days,
        asked_since=pull.since,
        until=today,
        grids={(kpi.frequency, kpi.calendar) for kpi in mapped},
        reports=source.kind in FILES,  # a file is read to its end anyway
    )


def _rows_a_day(source: DataSource, rows: SourceRows, window: Window, kpi_ids: Sequence[int]) -> int:
    """Return the rows per day of the window: of a file that was sent in per day that it has, of a snapshot all.

    A young source may have begun in the middle of the first period that it gave a value for: the
    days up to its end do not count then, unless there are no others.
    """
    if not len(rows) or source.is_snapshot:
        return len(rows)
    if not is_scheduled(source):
        # It may be of any days, all of them long ago, or with gaps between them.
        return round(len(rows) / len(rows.distinct_days))
    since = window.since or rows.days[0].item()
    known = Measurement.objects.filter(kpi_id__in=kpi_ids)
    if window.since is not None and not known.filter(period_start__lt=since).exists():
        first_end = known.aggregate(end=Min("period_end"))["end"]
        since = first_end if first_end is not None and first_end < window.until else rows.days[0].item()
    return round(rows.count_since(since) / (window.until - since).days)


def mapped_kpi(row: SourceMapping, calendar: Calendar) -> MappedKpi:
    """Return a KPI with its mapping as it is computed. Raises MappingError."""
    return MappedKpi(
        kpi_id=row.kpi_id,
        code=row.kpi.code,
        frequency=row.kpi.frequency,
        calendar=calendar,
        mapping=parse_mapping(row.spec),
        ratio_factor=row.kpi.ratio_factor,
        minimum=row.kpi.minimum,
        maximum=row.kpi.maximum,
        since=row.since,
    )


def of_kpi(code: str, error: MappingError) -> Sentence:
    """Return why the mapping of a KPI cannot be followed."""
    return Sentence(_("%(kpi)s: %(why)s"), {"kpi": code, "why": error.why})


def _mapped_kpis(source: DataSource) -> tuple[list[MappedKpi], list[Refusal]]:
    """Return the active KPIs that the source feeds; a mapping that cannot be followed stops only its own."""
    by_calendar = calendars()
    mapped, refusals = [], []
    for row in source.mappings.filter(kpi__status=Kpi.Status.ACTIVE).select_related("kpi").order_by("kpi_id"):
        try:
            mapped.append(mapped_kpi(row, by_calendar[row.kpi.calendar_id]))
        except MappingError as error:
            refusals.append(Refusal(0, of_kpi(row.kpi.code, error)))
    if not mapped:
        says = _("There is no active KPI with a mapping that can be followed.")
        raise SourceError(Sentence(says), refusals=refusals)
    return mapped, refusals
