"""Values that programs push: each row is stored or refused by itself, and the same push again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.api.models import Push
from kpiplatform.api.queries import Caller, kpis_fed_by
from kpiplatform.cells import plain_number
from kpiplatform.dashboards.my_kpis.words import why_refused
from kpis.bulk import as_array
from kpis.domain.entry_checks import EntryRefused, storable
from kpis.domain.parsing import NumberFormat, Refused, parse_number
from kpis.domain.periods import Calendar, Frequency, Period, parse_key, period_of
from kpis.domain.sentences import Sentence, joined
from kpis.grades import confidence_of
from kpis.models import Kpi, Measurement
from kpis.queries import calendars, entry_rules
from kpis.readings import Origin, Reading
from kpis.services.asking import Entry, needs_reason, reading_of, says_the_same, takes_weight
from kpis.services.entry import takes_parts
from kpis.services.locking import ensure_states, lock_states
from kpis.services.proposing import needs_approval
from kpis.services.recording import locked_periods, record_measurements
from kpis.services.upheaval import doubts
from objectives.queries import organisation

ROWS_AT_MOST = 10_000
KEPT_FOR = timedelta(hours=24)
NEW, REVISED, UNCHANGED, REFUSED = "new", "revised", "unchanged", "refused"
LONGEST_NOTE, LONGEST_REASON = 300, 200
POINT = NumberFormat()  # a point as decimal mark, no grouping

STANDING = """
SELECT m.* FROM unnest(%s::bigint[], %s::date[]) AS wanted(kpi_id, start)
JOIN kpis_measurement m ON m.kpi_id = wanted.kpi_id AND m.period_start = wanted.start
"""
Key = tuple[int, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a program says of one KPI in one period; a number is exact, or a text with a point as decimal mark."""

    kpi: str
    period: str
    value: Decimal | str | None = None
    numerator: Decimal | str | None = None
    denominator: Decimal | str | None = None
    provisional: bool = False
    not_applicable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a row: new, revised, unchanged or refused, the sentence that says why, and what stands now.

    `confidence` is the grade of what stands.
    """

    kpi: str
    period: str
    status: str
    detail: str = ""
    stands: Decimal | None = None
    confidence: str = ""


class KeyUsed(Exception):
    """The Idempotency-Key came with another push before; nothing was recorded."""


class Doubted(Exception):
    """The values leap to another magnitude and nobody says that they are right; nothing was recorded."""

    def __init__(self, why: Sequence[Sentence]) -> None:
        super().__init__(*why)
        self.why = joined(why)


def push_measurements(
    *, caller: Caller, rows: Sequence[Row], note: str, key: str, body_sha256: str, sure: bool = False
) -> tuple[list[dict[str, Any]], bool]:
    """Record the rows that can be, in one transaction, and return a result for each in their order.

    With a `key` the answer is kept for a day; the flag says that this one was given before. Raises KeyUsed, and Doubted
    unless whoever sends it is `sure`.
    """
    with transaction.atomic():
        push = _claim(caller, key, body_sha256) if key else None
        if push is not None and push.answer is not None:
            return push.answer, True
        answer = [_plain(one) for one in _record(caller, rows, note, sure)]
        if push is not None:
            Push.objects.filter(pk=push.pk).update(answer=answer)
    return answer, False


def _claim(caller: Caller, key: str, body_sha256: str) -> Push:
    """Return the push of that key, made now or before; whoever comes second waits for the first to end."""
    Push.objects.filter(pushed_at__lt=caller.now - KEPT_FOR, token=caller.token).delete()
    fresh = Push(token=caller.token, key=key, body_sha256=body_sha256, pushed_at=caller.now)
    Push.objects.bulk_create([fresh], ignore_conflicts=True)
    push = Push.objects.select_for_update().get(token=caller.token, key=key)
    if push.body_sha256 != body_sha256:
        raise KeyUsed
    return push


class _Refused(ValueError):
    """The row is not taken; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row whose KPI and period are found."""

    said: Row
    kpi: Kpi
    period: Period

    @property
    def key(self) -> Key:
        return self.kpi.pk, self.period.start


def _record(caller: Caller, rows: Sequence[Row], note: str, sure: bool) -> list[Result]:
    placed, refused = _placed(caller, rows)
    today = caller.now.astimezone(ZoneInfo(organisation().time_zone)).date()
    kpi_ids = sorted({row.kpi.pk for row in placed.values()})
    ensure_states(kpi_ids=kpi_ids)
    lock_states(kpi_ids=kpi_ids)
    before = _standing(row.key for row in placed.values())
    readings = _readings(placed, refused, user=caller.user, note=note, now=caller.now, today=today)
    if not note:
        _refuse_without_reason(placed, readings, refused, before, today)
    if not sure and (why := doubts(list(readings.values()), before)):
        raise Doubted(why)
    record_measurements(
        readings=list(readings.values()),
        origin=Origin(
            kind="api", note=note or _("pushed with the token “%s”") % caller.token.name, user_id=caller.user.pk
        ),
        now=caller.now,
    )
    after = _standing(row.key for row in placed.values())
    grades = confidence_of((key for key, stands in after.items() if stands.value is not None), today=today)
    return [
        replace(
            _result(said, placed.get(number), refused.get(number, ""), before, after),
            confidence=grades[placed[number].key].grade if number in placed and placed[number].key in grades else "",
        )
        for number, said in enumerate(rows)
    ]


def _placed(caller: Caller, rows: Sequence[Row]) -> tuple[dict[int, _Row], dict[int, str]]:
    """Find the KPI and the period of each row. A KPI that may not be fed is answered like one that does not exist."""
    kpis = kpis_fed_by(caller).filter(code__in={row.kpi for row in rows})
    fed = {kpi.code: kpi for kpi in kpis.select_related("calendar")}
    by_calendar = calendars()
    placed: dict[int, _Row] = {}
    refused: dict[int, str] = {}
    for number, row in enumerate(rows):
        kpi = fed.get(row.kpi)
        if kpi is None:
            refused[number] = _("There is no KPI %(code)s that this token may push to.") % {"code": row.kpi[:40]}
            continue
        try:
            placed[number] = _Row(said=row, kpi=kpi, period=_period(row.period, kpi, by_calendar[kpi.calendar_id]))
        except _Refused as why:
            refused[number] = str(why)
    return placed, refused


def _period(text: str, kpi: Kpi, calendar: Calendar) -> Period:
    """Return the period with that key, or that starts on that day."""
    try:
        period = parse_key(text, calendar)
        if period.frequency == Frequency.DAY:
            period = period_of(period.start, kpi.frequency, calendar)
            if period.start.isoformat() != text:
                raise _Refused(
                    _("%(day)s is not the first day of a period; that period is %(key)s.")
                    % {"day": text, "key": period.key}
                )
    except _Refused:
        raise
    except ValueError as error:
        raise _Refused(str(error)) from None
    if period.frequency != kpi.frequency:
        raise _Refused(
            _("%(key)s is no period of a %(often)s KPI.") % {"key": text, "often": kpi.get_frequency_display()}
        )
    return period


def _readings(
    placed: Mapping[int, _Row], refused: dict[int, str], *, user: User, note: str, now: datetime, today: date
) -> dict[int, Reading]:
    """Return what can be recorded by number of the row, and put a sentence about each other one into `refused`."""
    rules = entry_rules()
    readings: dict[int, Reading] = {}
    taken: dict[Key, int] = {}
    for number, row in placed.items():
        if row.key in taken:
            words = {"number": taken[row.key] + 1}
            refused[number] = _("Row %(number)d is for the same KPI and period, and was taken.") % words
            continue
        if needs_approval(row.kpi, user, rules, today=today):
            refused[number] = _(
                "Values of this KPI wait for approval: enter it on My KPIs, where somebody approves it."
            )
            continue
        try:
            readings[number] = _reading(row, note=note, today=today)
        except _Refused as why:
            refused[number] = str(why)
        else:
            taken[row.key] = number
    locked = set(locked_periods(readings=list(readings.values()), now=now))
    for number in [number for number in readings if placed[number].key in locked]:
        refused[number] = _("%(period)s is locked.") % {"period": placed[number].period.key}
        del readings[number]
    return readings


def _refuse_without_reason(
    placed: Mapping[int, _Row],
    readings: dict[int, Reading],
    refused: dict[int, str],
    before: Mapping[Key, Measurement],
    today: date,
) -> None:
    """Take out what would correct a value that others have read, as nobody may who types one without a reason."""
    for number, reading in list(readings.items()):
        row = placed[number]
        stands = before.get(row.key)
        if says_the_same(stands, reading) or not needs_reason(row.kpi, row.period, stands, today=today):
            continue
        refused[number] = _(
            "Another value stands for %(period)s, which others have read: say in a note why it changes."
        ) % {"period": row.period.key}
        del readings[number]


def _reading(row: _Row, *, note: str, today: date) -> Reading:
    said, parts = row.said, (row.said.numerator, row.said.denominator)
    if row.kpi.entry == Kpi.Entry.SOURCE and not note:
        raise _Refused(_("Values of this KPI come from a source: say in a note why this one is pushed."))
    entry = Entry(
        kpi=row.kpi,
        period=row.period,
        expected_seq=0,
        value=_number(said.value),
        numerator=_number(said.numerator),
        denominator=_number(said.denominator),
        not_applicable=said.not_applicable.strip()[:LONGEST_REASON],
        provisional=said.provisional,
    )
    if entry.not_applicable and (said.value, *parts) != (None, None, None):
        raise _Refused(_("A period that does not apply has no value: send one or the other."))
    if row.kpi.entry != Kpi.Entry.DERIVED and not entry.not_applicable:
        _ensure_whole(entry)
    try:
        reading = reading_of(entry, today)
    except EntryRefused as why:
        text = str(said.value if said.value is not None else "/".join(str(one) for one in parts))
        raise _Refused(why_refused(why, text=text, kpi=row.kpi, period=row.period, locale="en")) from None
    if takes_parts(row.kpi) and entry.value is not None and storable(entry.value) != reading.value:
        raise _Refused(_("The value is not what its numerator and denominator come to: send the two alone."))
    return reading


def _ensure_whole(entry: Entry) -> None:
    """Refuse a row that leaves out what its KPI takes, or says what would be lost."""
    kpi, parts = entry.kpi, (entry.numerator, entry.denominator)
    if takes_parts(kpi):
        if None in parts:
            words = {"numerator": kpi.numerator_label, "denominator": kpi.denominator_label}
            says = (
                _("This KPI is a ratio: send numerator (%(numerator)s) and denominator (%(denominator)s).")
                if all(words.values())
                else _("This KPI is a ratio: send numerator and denominator.")
            )
            raise _Refused(says % words)
    elif takes_weight(kpi):
        if entry.numerator is not None or (entry.denominator is not None and entry.denominator <= 0):
            raise _Refused(_("This KPI is averaged by weight: send value, and its weight above 0 as denominator."))
        if entry.value is None:
            raise _Refused(_("There is no value: send value, or not_applicable with the reason."))
    elif parts != (None, None):
        raise _Refused(_("This KPI is one number: send value, without numerator and denominator."))
    elif entry.value is None:
        raise _Refused(_("There is no value: send value, or not_applicable with the reason."))


def _number(said: Decimal | str | None) -> Decimal | None:
    try:
        return parse_number(said, POINT) if isinstance(said, str) else said
    except Refused:
        words = {"text": said[:40] if isinstance(said, str) else ""}
        raise _Refused(
            _("“%(text)s” is not a number as it is sent: digits with a point as decimal mark, like 1234.5.") % words
        ) from None


def _standing(keys: Iterable[Key]) -> dict[Key, Measurement]:
    """Return what stands for exactly these periods: many KPIs, each in periods of its own, are no grid."""
    wanted = sorted(set(keys))
    columns = [as_array(kpi_id for kpi_id, _start in wanted), as_array(start for _kpi_id, start in wanted)]
    rows = Measurement.objects.raw(STANDING, columns)
    return {(row.kpi_id, row.period_start): row for row in rows}


def _result(
    said: Row, row: _Row | None, why: str, before: Mapping[Key, Measurement], after: Mapping[Key, Measurement]
) -> Result:
    was, stands = (before.get(row.key), after.get(row.key)) if row else (None, None)
    if why:
        status = REFUSED
    elif was is None:
        status = NEW
    else:
        status = UNCHANGED if stands is not None and stands.seq == was.seq else REVISED
    return Result(kpi=said.kpi, period=said.period, status=status, detail=why, stands=stands.value if stands else None)


def _plain(result: Result) -> dict[str, Any]:
    """Return the result as it is answered, and kept."""
    stands = result.stands
    return {
        "kpi": result.kpi,
        "period": result.period,
        "status": result.status,
        "detail": result.detail,
        "stands": None if stands is None else plain_number(stands),
        "confidence": result.confidence,
    }
