"""How a pull ends: applied, held for a person to decide, or failed and tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef

from kpiplatform.accounts.models import User
from kpis.domain.periods import period_of
from kpis.domain.quality import Outcome, why_held
from kpis.domain.sentences import Sentence, joined
from kpis.domain.sentences import gettext_noop as _
from kpis.models import DataSource, Kpi, Measurement, Pull, PullRefusal, StagedReading
from kpis.queries import calendars, staged_of
from kpis.readings import Origin, Reading
from kpis.services.checking import keep_outcomes
from kpis.services.freshness import behind_from
from kpis.services.recording import locked_periods, record_measurements
from kpis.services.upheaval import leaps, refuse_upheaval
from kpis.signals import pull_ended_badly
from kpis.sources.base import REFUSALS_KEPT, Refusal, SourceError, Window

ATTEMPTS_AT_MOST = 8
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
FAILURES_UNTIL_SAID = 3
# Fewer rows a day than this share of the usual ones look like half a file.
SUSPECT_BELOW = 0.5
# The weight of the newest pull in the usual number of rows.
USUAL_FROM = 4
LOCKED = _(
    "%(kpi)s %(period)s is locked: %(stands)s stands, %(new)s was not taken. "
    "Have the period reopened, then read its days again."
)
PLACES_SAID = 4
# What a pull changes of its source; people may change the rest meanwhile.
STANDING = ["cursor", "usual_rows", "consecutive_failures", "last_applied_at", "last_error", "behind_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What one fetch of a source gave; its rules refused `rows_refused` of `rows_checked`, as `outcomes` tell.

    Of what was refused for any reason the first ones are named, and `refused` is how many there are. `begins_on` and
    `ends_on` are set where the rows have only a part of a period, and `unfed` names rows that no KPI is about.
    """

    window: Window
    rows_read: int
    rows_kept: int
    rows_a_day: int
    readings: Sequence[Reading]
    refusals: Sequence[Refusal]
    refused: int
    outcomes: Sequence[Outcome] = ()
    rows_checked: int = 0
    rows_refused: int = 0
    begins_on: date | None = None
    ends_on: date | None = None
    unfed: Mapping[str, Sequence[str]] = field(default_factory=dict)


class NotOurs(Exception):
    """Another worker took the pull over or ended it, or something fetched later was applied; nothing was written.

    A pull that is left like this runs again once its lease is over.
    """


class NotHeld(Exception):
    """The pull does not wait for a decision, or a newer one was applied since; nothing was written."""


def looks_wrong(source: DataSource, fetched: Fetched) -> Sentence | None:
    """Return why a person should look at what was fetched before it counts, or nothing.

    Without a rule about the number of rows, half the usual ones are too few.
    """
    checked = fetched.rows_checked
    why = why_held(fetched.outcomes, refused=fetched.rows_refused, checked=checked)
    is_ruled = any(outcome.rule.kind == "rows" for outcome in fetched.outcomes)
    has_enough = fetched.rows_a_day >= source.usual_rows * SUSPECT_BELOW or (source.may_be_empty and not checked)
    if not is_ruled and not has_enough:
        few = _("There were %(rows)s rows a day, usual are %(usual)s.")
        why = [Sentence(few, {"rows": fetched.rows_a_day, "usual": source.usual_rows}), *why]
    if leap := leaps(fetched.readings):
        why = [*why, leap]
    return undecided(why) if why else None


def undecided(why: Sequence[Sentence]) -> Sentence:
    """Return why a pull is held."""
    return joined([*why, Sentence(_("Nothing was applied; someone has to decide."))])


def end_well(pull: Pull, fetched: Fetched, *, now: datetime, ended_at: datetime) -> None:
    """Record the readings and move the source on, in one transaction.

    Readings in locked periods are left out and named, unless they change nothing. Raises Upheaval where a person
    should look first; nothing was written then.
    """
    with transaction.atomic(durable=True):
        source = _hold_source(pull)
        keep_outcomes(pull, fetched.outcomes)
        _apply(source, pull, fetched, Origin(kind="pull", pull_id=pull.pk, note=pull.asked_because), now=now)
        refuse_upheaval(
            pull=pull, readings=fetched.readings, begins_on=fetched.begins_on, ends_on=fetched.ends_on, now=now
        )
        _end(pull, fetched, state=Pull.State.APPLIED, ended_at=ended_at)
        usual = source.usual_rows
        source.usual_rows = round(usual + (fetched.rows_a_day - usual) / USUAL_FROM) if usual else fetched.rows_a_day
        source.save(update_fields=STANDING)


def hold(pull: Pull, fetched: Fetched, why: Sentence, *, now: datetime, ended_at: datetime) -> None:
    """Keep the readings aside until someone decides; the values stay as they are."""
    with transaction.atomic(durable=True):
        source = _hold_source(pull)
        said = Pull.objects.filter(source=source, state=Pull.State.SUSPECT).exists()
        StagedReading.objects.bulk_create(
            [
                StagedReading(
                    pull=pull,
                    kpi_id=reading.kpi_id,
                    period_start=reading.period_start,
                    period_end=reading.period_end,
                    value=reading.value,
                    numerator=reading.numerator,
                    denominator=reading.denominator,
                    state=reading.state,
                    reason=reading.reason,
                )
                for reading in fetched.readings
            ],
            batch_size=5000,
        )
        pull.error = why
        pull.rows_refused = fetched.refused
        _keep_refusals(pull, fetched.refusals)
        keep_outcomes(pull, fetched.outcomes)
        _end(pull, fetched, state=Pull.State.SUSPECT, ended_at=ended_at)
        source.last_error = why
        source.save(update_fields=STANDING)
        if not said:
            pull_ended_badly.send(sender=None, pull=pull, now=now)


def note_failure(
    pull: Pull,
    error: SourceError,
    *,
    now: datetime,
    ended_at: datetime,
    next_slot: datetime | None,
    may_change: bool = True,
) -> None:
    """Note why the attempt failed, and when the next one is: 30 s later, then twice as long each time.

    After the last attempt, or when the next slot comes first, the pull has failed; so it has at once where what was
    read stays as it is, and its owner is told.
    """
    with transaction.atomic(durable=True):
        try:
            source = _hold_source(pull)
        except NotOurs:
            return
        pause = min(FIRST_PAUSE * 2 ** (pull.attempts - 1), LONGEST_PAUSE)
        is_overtaken = next_slot is not None and now + pause >= next_slot
        tried_enough = pull.attempts >= ATTEMPTS_AT_MOST or is_overtaken or not may_change
        pull.state = Pull.State.FAILED if tried_enough else Pull.State.WAITING
        pull.next_attempt_at = None if tried_enough else now + pause
        pull.lease_until, pull.finished_at = None, ended_at
        pull.error = error.why
        pull.rows_read, pull.rows_kept, pull.rows_refused = error.read, 0, error.refused
        pull.save()
        _keep_refusals(pull, error.refusals)
        source.consecutive_failures += 1
        source.last_error = error.why
        source.save(update_fields=STANDING)
        if source.consecutive_failures == FAILURES_UNTIL_SAID or not may_change:
            pull_ended_badly.send(sender=None, pull=pull, now=now)


def apply_held_pull(*, pull_id: int, by: User, reason: str, now: datetime) -> Pull:
    """Record the values of a held pull because `by` says they are right."""
    with transaction.atomic():
        source, pull = _held(pull_id)
        staged = staged_of(pull).order_by("kpi_id", "period_start")
        readings = [
            Reading(
                kpi_id=row.kpi_id,
                period_start=row.period_start,
                period_end=row.period_end,
                value=row.value,
                numerator=row.numerator,
                denominator=row.denominator,
                state=row.state,
                reason=row.reason,
            )
            for row in staged
        ]
        assert pull.until is not None
        first_day = pull.since or min((row.period_start for row in readings), default=pull.until)
        last_day = min(pull.until, max((row.period_end for row in readings), default=pull.until))
        fetched = Fetched(
            window=Window(since=pull.since, until=pull.until),
            rows_read=pull.rows_read,
            rows_kept=pull.rows_kept,
            rows_a_day=round(pull.rows_kept / max((last_day - first_day).days, 1)),
            readings=readings,
            refusals=[Refusal(row.line, row.why) for row in pull.refusals.order_by("id")],
            refused=pull.rows_refused,
            begins_on=pull.begins_on,
            ends_on=pull.ends_on,
        )
        origin = Origin(kind="pull", note=reason[:400], pull_id=pull.pk, user_id=by.pk)
        _apply(source, pull, fetched, origin, now=now)
        pull.state, pull.error, pull.finished_at = Pull.State.APPLIED, None, now
        pull.decided_by, pull.decided_because = by, reason[:400]
        pull.save()
        source.usual_rows = fetched.rows_a_day
        source.save(update_fields=STANDING)
        return pull


def discard_held_pull(*, pull_id: int, by: User, reason: str, now: datetime) -> Pull:
    """Put a held pull aside because `by` says its values are wrong; the next pull decides anew."""
    with transaction.atomic():
        source, pull = _held(pull_id)
        pull.staged.all().delete()
        pull.state, pull.decided_by, pull.decided_because = Pull.State.FAILED, by, reason[:400]
        put_aside = Sentence(_("Put aside by %(name)s: %(reason)s"), {"name": by.name, "reason": reason})
        pull.error = joined([pull.error, put_aside]) if pull.error else put_aside
        pull.save()
        source.last_error = _why_held(pull)
        source.save(update_fields=STANDING)
        return pull


def _hold_source(pull: Pull) -> DataSource:
    """Lock the source against every other pull of it, and make sure that the claim still holds."""
    source = _lock(pull.source_id)
    ours = Pull.objects.select_for_update().filter(pk=pull.pk, state=Pull.State.RUNNING, attempts=pull.attempts)
    if not ours.exists():
        raise NotOurs
    if Pull.objects.filter(source=source, state=Pull.State.APPLIED, started_at__gt=pull.started_at).exists():
        raise NotOurs
    return source


def _lock(source_id: int) -> DataSource:
    # One pull of a source is applied at a time. Rows that refer to the source may still be written meanwhile.
    return DataSource.objects.select_for_update(no_key=True).get(pk=source_id)


def _held(pull_id: int) -> tuple[DataSource, Pull]:
    source = _lock(Pull.objects.values_list("source_id", flat=True).get(pk=pull_id))
    pull = Pull.objects.select_for_update().get(pk=pull_id)
    if pull.state != Pull.State.SUSPECT:
        raise NotHeld
    return source, pull


def _apply(source: DataSource, pull: Pull, fetched: Fetched, origin: Origin, *, now: datetime) -> None:
    """Record what may be recorded, note the rest, and bring the source forward."""
    readings, locked = _without_locked(fetched.readings, now)
    recorded = record_measurements(readings=readings, origin=origin, now=now, judge=False)
    pull.values_new, pull.values_revised = recorded.new, recorded.revised
    pull.values_unchanged = recorded.unchanged
    pull.rows_refused = len(locked) + fetched.refused
    _keep_refusals(pull, [*locked, *fetched.refusals])
    _overtake(source, pull, fetched.readings)
    pull.staged.all().delete()
    source.cursor = _brought_forward(source, fetched.window)
    source.consecutive_failures, source.last_error, source.last_applied_at = 0, _why_held(pull), now
    source.behind_from = behind_from(source)


def _overtake(source: DataSource, pull: Pull, readings: Sequence[Reading]) -> None:
    """Let go of what was read before and is held for the same periods; of others it still waits for a decision."""
    held = Pull.objects.filter(source=source, state=Pull.State.SUSPECT, started_at__lt=pull.started_at)
    if readings and held.exists():
        starts = [reading.period_start for reading in readings]
        StagedReading.objects.filter(pull__in=held, period_start__range=(min(starts), max(starts))).delete()
    overtaken = held.exclude(Exists(StagedReading.objects.filter(pull=OuterRef("pk"))))
    overtaken.update(state=Pull.State.FAILED, error=Sentence(_("A later pull was applied, so this one was put aside.")))


def _brought_forward(source: DataSource, window: Window) -> date | None:
    """Return before which day all rows were pulled: unknown again where a mapping was changed, but by reading all."""
    if source.is_snapshot or window.since is None:
        return max(window.until, source.cursor or window.until)
    return None if source.cursor is None else max(window.until, source.cursor)


def _why_held(decided: Pull) -> Sentence | None:
    """Return why the newest other pull of the source is held, None where no other one is."""
    others = Pull.objects.filter(source_id=decided.source_id, state=Pull.State.SUSPECT).exclude(pk=decided.pk)
    return others.order_by("-started_at").values_list("error", flat=True).first()


def _without_locked(readings: Sequence[Reading], now: datetime) -> tuple[Sequence[Reading], list[Refusal]]:
    """Return the readings outside locked periods, and a sentence for each one inside that would change a value."""
    keys = set(locked_periods(readings=readings, now=now))
    if not keys:
        return readings, []
    locked = [reading for reading in readings if (reading.kpi_id, reading.period_start) in keys]
    present = _present(locked)
    kpis = Kpi.objects.in_bulk({reading.kpi_id for reading in locked})
    by_calendar = calendars()
    refusals = []
    for reading in locked:
        stands = present.get((reading.kpi_id, reading.period_start), (None, "", ""))
        if stands != (reading.value, reading.state, reading.reason):
            kpi = kpis[reading.kpi_id]
            period = period_of(reading.period_start, kpi.frequency, by_calendar[kpi.calendar_id])
            said = {"kpi": kpi.code, "period": period.key, "stands": _figure(stands[0]), "new": _figure(reading.value)}
            refusals.append(Refusal(0, Sentence(LOCKED, said)))
    return [reading for reading in readings if (reading.kpi_id, reading.period_start) not in keys], refusals


def _figure(value: Decimal | None) -> str:
    return "–" if value is None else f"{round(value, PLACES_SAID).normalize():f}"


def _present(readings: Iterable[Reading]) -> dict[tuple[int, date], tuple[Decimal | None, str, str]]:
    readings = list(readings)
    rows = Measurement.objects.filter(
        kpi_id__in={reading.kpi_id for reading in readings},
        period_start__gte=min(reading.period_start for reading in readings),
        period_start__lte=max(reading.period_start for reading in readings),
    ).values_list("kpi_id", "period_start", "value", "state", "reason")
    return {(kpi_id, start): (value, state, reason) for kpi_id, start, value, state, reason in rows}


def _end(pull: Pull, fetched: Fetched, *, state: str, ended_at: datetime) -> None:
    pull.state, pull.lease_until, pull.finished_at = state, None, ended_at
    pull.since, pull.until = fetched.window.since, fetched.window.until
    pull.rows_read, pull.rows_kept = fetched.rows_read, fetched.rows_kept
    pull.begins_on, pull.ends_on, pull.unfed = fetched.begins_on, fetched.ends_on, fetched.unfed
    pull.save()


def _keep_refusals(pull: Pull, refusals: Sequence[Refusal]) -> None:
    """Keep the first thousand; the number of all is on the pull."""
    pull.refusals.all().delete()
    PullRefusal.objects.bulk_create(
        [PullRefusal(pull=pull, line=refusal.line, why=refusal.why) for refusal in refusals[:REFUSALS_KEPT]]
    )
