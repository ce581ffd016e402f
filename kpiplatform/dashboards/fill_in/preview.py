"""What a spreadsheet that came back would change: looked at line by line, nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256

from django.utils.translation import gettext as _

from kpiplatform.dashboards.fill_in.coming_back import CameBack, Said
from kpiplatform.dashboards.fill_in.places import ALL, fillable, in_words, parts_of, slot_at
from kpiplatform.dashboards.my_kpis import queries, words
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpiplatform.dashboards.my_kpis.slots import Slot
from kpis.domain.entry_checks import EntryRefused, Problem, storable, typed_number
from kpis.domain.periods import Period, period_of
from kpis.grades import confidence_of
from kpis.models import Kpi, Measurement, MeasurementRevision
from kpis.queries import calendar_of
from kpis.readings import NOT_APPLICABLE, PROVISIONAL
from kpis.services.asking import Answered, Entry, answered, reading_of

CHANGES_AT_MOST = 2000
NEW, CHANGED, REFUSED, KEPT = "new", "changed", "refused", "kept"
Key = tuple[int, date]
Stood = Measurement | MeasurementRevision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A period that the file changes: what stood there, what would, or why it is not taken.

    `standing` names the value that stands there, None without one; `grade` is its grade of confidence.
    """

    place: str
    kpi: str
    period: str
    status: str
    was: str = ""
    standing: Key | None = None
    grade: str = ""
    will: str = ""
    says: str = ""
    entry: Entry | None = None
    question: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """All that the file changes, in its order, and how many periods it leaves as they are."""

    lines: tuple[Line, ...]
    same: int

    def of(self, status: str) -> list[Line]:
        return [line for line in self.lines if line.status == status]

    @property
    def taken(self) -> list[Line]:
        return [line for line in self.lines if line.entry is not None and line.status != KEPT]

    @property
    def kept(self) -> list[Line]:
        """What counts only with an explanation, for which a file has no place: a draft of whoever sent it."""
        return self.of(KEPT)

    @property
    def wants_reason(self) -> bool:
        return any(line.question is Problem.REASON_WANTED for line in self.lines)

    @property
    def is_unusual(self) -> bool:
        return any(line.question is Problem.UNUSUAL for line in self.lines)

    @property
    def seen(self) -> str:
        """A token of what is shown: what is confirmed is what was seen."""
        shown = [(line.place, line.status, line.was, line.will) for line in self.lines]
        return sha256(repr(shown).encode()).hexdigest()[:24]


def graded(lines: Sequence[Line], viewer: Viewer) -> list[Line]:
    """Return the lines with the grades of the values that stand there."""
    found = confidence_of({line.standing for line in lines if line.standing}, today=viewer.today)
    return [replace(line, grade=found[line.standing].grade) if line.standing in found else line for line in lines]


class TooMany(Exception):
    """The file changes more values than are looked at in one go."""


class _NotTaken(ValueError):
    """A period is not taken; the message says why."""


def preview(came_back: CameBack, viewer: Viewer) -> Preview:
    """Return what the file would change of the KPIs that the person fills in. Raises TooMany."""
    saids = came_back.saids
    kpis = {kpi.code: kpi for kpi in fillable(viewer, ALL)}
    places = [(said, _period(said, kpis.get(said.code))) for said in saids]
    values = _values(places, kpis)
    before = _before(places, kpis, values)
    lines = [
        Line(place=stray.place, kpi=stray.name, period="", status=REFUSED, says=stray.why)
        for stray in came_back.strays[:CHANGES_AT_MOST]
    ]
    same = 0
    for said, period in places:
        line = _line(said, period, kpis.get(said.code), values, before, viewer)
        if line is None:
            same += 1
        else:
            lines.append(line)
        if len(lines) > CHANGES_AT_MOST:
            raise TooMany
    entries = [line.entry for line in lines if line.entry is not None]
    answers = answered(entries, today=viewer.today) if entries else {}
    return Preview(lines=tuple(_asked(line, answers, viewer) for line in lines), same=same)


def _period(said: Said, kpi: Kpi | None) -> Period | None:
    if kpi is None:
        return None
    period = period_of(said.start, kpi.frequency, calendar_of(kpi.calendar))
    return period if period.start == said.start else None


def _values(places: Sequence[tuple[Said, Period | None]], kpis: Mapping[str, Kpi]) -> dict[Key, Measurement]:
    first: dict[int, date] = {}
    for said, period in places:
        if period is not None:
            pk = kpis[said.code].pk
            first[pk] = min(said.start, first.get(pk, said.start))
    return queries.values_since(first) if first else {}


def _before(
    places: Sequence[tuple[Said, Period | None]], kpis: Mapping[str, Kpi], values: Mapping[Key, Measurement]
) -> dict[Key, MeasurementRevision]:
    """Return what stood there when the file was made, where something else stands now."""
    stale = [
        (kpis[said.code].pk, said.start, said.seq)
        for said, period in places
        if period is not None and said.seq and said.seq != _seq(values.get((kpis[said.code].pk, said.start)))
    ]
    return queries.values_at_revision(stale) if stale else {}


def _line(
    said: Said,
    period: Period | None,
    kpi: Kpi | None,
    values: dict[Key, Measurement],
    before: Mapping[Key, MeasurementRevision],
    viewer: Viewer,
) -> Line | None:
    """Return the line of a period, None where the file says what stood there when it was made, or stands now."""
    if kpi is None or period is None:
        why = _("There is no such KPI or period that you fill in by hand.")
        return Line(place=said.place, kpi=said.code, period=str(said.start), status=REFUSED, says=why)
    slot = slot_at(kpi, period, values, viewer.today)
    stood: Stood = slot.value if said.seq == slot.seq else before.get(slot.key)
    line = Line(
        place=said.place,
        kpi=kpi.name,
        period=period.key,
        status=CHANGED if slot.value else NEW,
        was=in_words(slot, viewer.locale),
        standing=slot.key if slot.value is not None and slot.value.value is not None else None,
    )
    if said.unclear:
        return replace(line, status=REFUSED, says=said.unclear)
    try:
        numbers = {name: _number(said, name, slot, viewer) for name in said.numbers}
        if _says_the_same(said, numbers, kpi, stood) or _says_the_same(said, numbers, kpi, slot.value):
            return None
        entry = _entry(said, numbers, slot)
        reading_of(entry, viewer.today)
    except _NotTaken as why:
        return replace(line, status=REFUSED, says=str(why))
    except EntryRefused as refused:
        text = " / ".join(cell.text for cell in said.numbers.values())
        says = words.why_refused(refused, text=text, kpi=kpi, period=period, locale=viewer.locale)
        return replace(line, status=REFUSED, says=says)
    return replace(line, will=_will(entry, viewer), entry=entry)


def _number(said: Said, name: str, slot: Slot, viewer: Viewer) -> Decimal:
    cell = said.numbers[name]
    number = cell.number
    try:
        if number is None:
            number = typed_number(cell.text, locale=viewer.locale, percent=slot.kpi.measure_unit == "%")
        return storable(number)
    except EntryRefused as refused:
        sentence = words.why_refused(refused, text=cell.text, kpi=slot.kpi, period=slot.period, locale=viewer.locale)
        raise _NotTaken(sentence) from None


def _says_the_same(said: Said, numbers: Mapping[str, Decimal], kpi: Kpi, stood: Stood) -> bool:
    """Return whether the file says what stood there. A spreadsheet keeps fifteen digits, so we compare no more."""
    if stood is None:
        return not numbers and not said.not_applicable and not said.provisional
    if said.not_applicable or stood.state == NOT_APPLICABLE:
        return (said.not_applicable, not numbers) == (stood.reason, stood.state == NOT_APPLICABLE)
    if said.provisional is not None and said.provisional != (stood.state == PROVISIONAL):
        return False
    stand = {part.name: getattr(stood, part.name) for part in parts_of(kpi)}
    return all(_alike(numbers.get(name), number) for name, number in stand.items())


def _alike(one: Decimal | None, other: Decimal | None) -> bool:
    if one is None or other is None:
        return one is other
    return float(one) == float(other)


def _entry(said: Said, numbers: Mapping[str, Decimal], slot: Slot) -> Entry:
    if slot.is_locked:
        raise _NotTaken(_("The period is locked."))
    if said.seq != slot.seq:
        raise _NotTaken(_("It was changed meanwhile: make a new spreadsheet, or correct it on the page of the KPI."))
    if not numbers and not said.not_applicable:
        raise EntryRefused(Problem.EMPTIED)
    return Entry(
        kpi=slot.kpi,
        period=slot.period,
        expected_seq=said.seq,
        not_applicable=said.not_applicable[:200],
        provisional=bool(said.provisional),
        **({} if said.not_applicable else dict(numbers)),
    )


def _will(entry: Entry, viewer: Viewer) -> str:
    if entry.not_applicable:
        return _("does not apply: %(reason)s") % {"reason": entry.not_applicable}
    if entry.value is not None:
        says = words.typed(entry.value, entry.kpi, viewer.locale)
    else:
        says = " / ".join(words.plain(number, viewer.locale) for number in (entry.numerator, entry.denominator))
    return _("%(value)s, provisional") % {"value": says} if entry.provisional else says


def _asked(line: Line, answers: Mapping[Key, Answered], viewer: Viewer) -> Line:
    """Return the line with what is asked of it; what a file can't answer is kept until it is on the page."""
    if line.entry is None:
        return line
    answer = answers[line.entry.key]
    if answer.question is Problem.EXPLANATION_WANTED:
        says = _("A value like this needs an explanation: it is kept as your draft, and counts once you explain it.")
        return replace(line, status=KEPT, says=says)
    if answer.question is Problem.REASON_WANTED:
        return replace(line, says=_("A change that others have read: it needs a reason."), question=answer.question)
    if answer.question is Problem.UNUSUAL and answer.move is not None:
        says = words.unusual(answer.move, kpi=line.entry.kpi, locale=viewer.locale)
        return replace(line, says=says, question=answer.question)
    return line


def _seq(value: Measurement | None) -> int:
    return value.seq if value else 0
