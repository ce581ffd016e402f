"""What is asked before a value that a person typed is stored: its reason, whether it is right, an explanation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import OuterRef, Q

from kpis.domain.aggregation import ratio
from kpis.domain.entry_checks import (
    EntryRefused,
    Problem,
    UnusualMove,
    check_begun,
    check_range,
    is_correction,
    storable,
    unusual_move,
    wants_explanation,
)
from kpis.domain.judged import Judged, Valued, judge_periods
from kpis.domain.periods import Calendar, Period, first_of_year, period_of
from kpis.models import Commentary, EntryRules, Kpi, Measurement
from kpis.queries import calendar_of, entry_rules, rules_of
from kpis.readings import NOT_APPLICABLE, PROVISIONAL, REPORTED, Reading

Key = tuple[int, date]
USUAL_OVER = 27  # periods that tell what is usual for a KPI: half a year of weeks
READ_BACK = 54  # those before any period of a grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a value is what it is, what is done about it, and from when it is well again."""

    cause: str
    action: str
    recovery_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a person says of one period: a value, the two parts of a ratio, or the reason why it does not apply.

    `expected_seq` is the revision the person saw, 0 for none, and `seen_proposed` the waiting value they saw. `note`
    is the reason of a change, `sure` the answer to the question about an unusual move.
    """

    kpi: Kpi
    period: Period
    expected_seq: int
    value: Decimal | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    not_applicable: str = ""
    provisional: bool = False
    note: str = ""
    sure: bool = False
    explanation: Explanation | None = None
    seen_proposed: int = 0

    @property
    def key(self) -> Key:
        return self.kpi.pk, self.period.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An entry as it would be stored, and what is still to be said of it, if anything.

    `is_change` says that it is not what stands there already, `is_correction` that it corrects what others have read;
    `move` is the unusual move, asked or answered.
    """

    reading: Reading
    is_change: bool = True
    question: Problem | None = None
    is_correction: bool = False
    move: UnusualMove | None = None


def takes_parts(kpi: Kpi) -> bool:
    """Return whether the value is entered as numerator and denominator: ratios of sums cannot be rolled up else."""
    return kpi.time_aggregation == Kpi.Aggregation.RATIO_OF_SUMS


def takes_weight(kpi: Kpi) -> bool:
    """Return whether the value counts in longer periods by a weight of its own, kept as its denominator."""
    return kpi.time_aggregation == Kpi.Aggregation.WEIGHTED_AVERAGE


def needs_reason(kpi: Kpi, period: Period, present: Measurement | None, *, today: date) -> bool:
    """Return whether another value is taken only with a reason: over what a source brings, or others have read."""
    return kpi.entry == Kpi.Entry.SOURCE or _corrects(kpi, period.end, present, today)


def reading_of(entry: Entry, today: date) -> Reading:
    """Return the entry as a reading, or refuse it."""
    kpi, period = entry.kpi, entry.period
    if kpi.entry == Kpi.Entry.DERIVED:
        raise EntryRefused(Problem.DERIVED)
    check_begun(period.start, today=today)
    if entry.not_applicable:
        return Reading(
            kpi_id=kpi.pk,
            period_start=period.start,
            period_end=period.end,
            value=None,
            state=NOT_APPLICABLE,
            reason=entry.not_applicable,
        )
    value, numerator, denominator, reason = _value(entry)
    if value is not None:
        check_range(value, minimum=kpi.minimum, maximum=kpi.maximum)
    provisional = entry.provisional or period.end > today
    return Reading(
        kpi_id=kpi.pk,
        period_start=period.start,
        period_end=period.end,
        value=value,
        numerator=numerator,
        denominator=denominator,
        state=PROVISIONAL if provisional else REPORTED,
        reason=reason,
    )


def answered(entries: Sequence[Entry], *, today: date) -> dict[Key, Answered]:
    """Return each entry as it would be stored, with what is still asked, in a number of queries that does not grow.

    Asked are, one after the other: the reason of a change that others have read, whether a move far from the usual
    one is right, and an explanation under the score that the administrators set. An open period needs none.
    Raises EntryRefused for an entry that could not be stored whatever is said.
    """
    readings = {entry.key: reading_of(entry, today) for entry in entries}
    present = present_values(entries)
    changing = [entry for entry in entries if not says_the_same(present.get(entry.key), readings[entry.key])]
    rules = entry_rules() if changing else EntryRules()
    corrections = {one.key for one in changing if _corrects(one.kpi, one.period.end, present.get(one.key), today)}
    moves = _unusual(changing, readings, present, rules)
    unexplained = _unexplained(changing, readings, rules, today)
    changed = {entry.key for entry in changing}
    found = {}
    for entry in entries:
        key, question = entry.key, None
        is_fed = key in changed and entry.kpi.entry == Kpi.Entry.SOURCE
        if (key in corrections or is_fed) and not entry.note:
            question = Problem.REASON_WANTED
        elif key in moves and not entry.sure:
            question = Problem.UNUSUAL
        elif key in unexplained and entry.explanation is None:
            question = Problem.EXPLANATION_WANTED
        found[key] = Answered(
            reading=readings[key],
            is_change=key in changed,
            question=question,
            is_correction=key in present and (key in corrections or is_fed),
            move=moves.get(key),
        )
    return found


def present_values(entries: Iterable[Entry]) -> dict[Key, Measurement]:
    """Return the values that stand where the entries are for."""
    wanted = Q(pk__in=[])
    for entry in entries:
        wanted |= Q(kpi_id=entry.kpi.pk, period_start=entry.period.start)
    return {(row.kpi_id, row.period_start): row for row in Measurement.objects.filter(wanted)}


def _value(entry: Entry) -> tuple[Decimal | None, Decimal | None, Decimal | None, str]:
    """Return value, numerator and denominator as they are stored, and why there is no value."""
    if not takes_parts(entry.kpi):
        if entry.value is None:
            raise EntryRefused(Problem.NOT_A_NUMBER)
        single = storable(entry.value)
        if takes_weight(entry.kpi) and entry.denominator is not None:
            weight = storable(entry.denominator)
            return single, storable(single * weight), weight, ""
        return single, None, None, ""
    if entry.numerator is None or entry.denominator is None:
        raise EntryRefused(Problem.PARTS_WANTED)
    numerator, denominator = storable(entry.numerator), storable(entry.denominator)
    value, reason = ratio(numerator, denominator, entry.kpi.ratio_factor)
    return None if value is None else storable(value), numerator, denominator, reason


def says_the_same(before: Measurement | None, reading: Reading) -> bool:
    """Return whether a reading is what stands already."""
    parts = ("value", "numerator", "denominator", "state", "reason")
    return before is not None and all(getattr(before, part) == getattr(reading, part) for part in parts)


def _corrects(kpi: Kpi, period_end: date, before: Measurement | None, today: date) -> bool:
    open_period = period_of(today, kpi.frequency, calendar_of(kpi.calendar))
    state = before.state if before is not None else ""
    return is_correction(state=state, period_end=period_end, latest_closed_end=open_period.start)


def _unusual(
    entries: Sequence[Entry], readings: dict[Key, Reading], present: dict[Key, Measurement], rules: EntryRules
) -> dict[Key, UnusualMove]:
    """Return the unusual moves. A value that is only confirmed moves nothing."""
    asked = [one for one in entries if readings[one.key].value is not None and _factor(one.kpi, rules)]
    earlier = _earlier_values(asked)
    moves = {}
    for entry in asked:
        value, before = readings[entry.key].value, present.get(entry.key)
        if value is None or (before is not None and before.value == value):
            continue
        usual = [number for start, number in earlier[entry.kpi.pk] if start < entry.period.start][-USUAL_OVER:]
        move = unusual_move(value, usual, factor=_factor(entry.kpi, rules))
        if move is not None:
            moves[entry.key] = move
    return moves


def _factor(kpi: Kpi, rules: EntryRules) -> Decimal:
    return rules.unusual_factor if kpi.unusual_factor is None else kpi.unusual_factor


def _earlier_values(entries: Sequence[Entry]) -> dict[int, list[tuple[date, Decimal]]]:
    """Return the closed values of each KPI before its entries, oldest first."""
    values: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
    if not entries:
        return values
    until = max(entry.period.start for entry in entries)
    closed = Measurement.objects.filter(value__isnull=False).exclude(state=PROVISIONAL)
    latest = closed.filter(kpi_id=OuterRef("kpi_id"), period_start__lt=until).order_by("-period_start")
    rows = closed.filter(
        kpi_id__in={entry.kpi.pk for entry in entries}, period_start__in=latest.values("period_start")[:READ_BACK]
    )
    for kpi_id, start, value in rows.order_by("kpi_id", "period_start").values_list("kpi_id", "period_start", "value"):
        values[kpi_id].append((start, value))
    return values


def _unexplained(entries: Sequence[Entry], readings: dict[Key, Reading], rules: EntryRules, today: date) -> set[Key]:
    """Return the entries whose score needs an explanation that nobody has given for the period yet."""
    below = {entry.key: _explain_below(entry.kpi, rules) for entry in entries}
    asked = [
        one for one in entries if below[one.key] and one.period.end <= today and readings[one.key].value is not None
    ]
    low = {key for key, score in _scores(asked, readings).items() if wants_explanation(score, below=below[key])}
    if not low:
        return low
    told = Commentary.objects.filter(
        kind=Commentary.Kind.EXPLANATION,
        kpi_id__in={kpi_id for kpi_id, _ in low},
        period_start__in={at for _, at in low},
    )
    return low - set(told.values_list("kpi_id", "period_start"))


def _explain_below(kpi: Kpi, rules: EntryRules) -> Decimal | None:
    return rules.explain_below if kpi.explain_below is None else kpi.explain_below


def _scores(entries: Sequence[Entry], readings: dict[Key, Reading]) -> dict[Key, Decimal | None]:
    """Return the score that each value would have by the limits in force for its period."""
    if not entries:
        return {}
    rules = rules_of([entry.kpi for entry in entries])
    before = _of_the_year([entry for entry in entries if entry.kpi.is_cumulative])
    scores = {}
    for entry in entries:
        calendar, reading = calendar_of(entry.kpi.calendar), readings[entry.key]
        row = Valued(reading.period_start, reading.period_end, reading.value, reading.state, reading.reason)
        rows, years = [row], None
        if entry.kpi.is_cumulative:
            first = first_of_year(row.period_start, entry.kpi.frequency, calendar)
            rows = [one for one in before[entry.kpi.pk] if first <= one.period_start < row.period_start] + [row]
            years = [first] * len(rows)
        judged: list[Judged] = list(judge_periods(rows, rules[entry.kpi.pk], fiscal_years=years))
        scores[entry.key] = judged[-1].score
    return scores


def _of_the_year(entries: Sequence[Entry]) -> dict[int, list[Valued]]:
    """Return the values of cumulative KPIs since the fiscal year of their entries began, oldest first."""
    values: dict[int, list[Valued]] = defaultdict(list)
    if not entries:
        return values

    def year_of(entry: Entry) -> date:
        calendar: Calendar = calendar_of(entry.kpi.calendar)
        return first_of_year(entry.period.start, entry.kpi.frequency, calendar)

    rows = Measurement.objects.filter(
        kpi_id__in={entry.kpi.pk for entry in entries}, period_start__gte=min(map(year_of, entries))
    ).order_by("period_start")
    for kpi_id, *valued in rows.values_list("kpi_id", "period_start", "period_end", "value", "state", "reason"):
        values[kpi_id].append(Valued(*valued))
    return values
