"""From what was typed into cells to stored values, or to what is said instead. Nothing typed is ever lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.dashboards.my_kpis import queries, words
from kpiplatform.dashboards.my_kpis.sheet import Attempt, Viewer
from kpiplatform.dashboards.my_kpis.slots import Slot
from kpis.domain.entry_checks import EntryRefused, Problem, check_range, typed_number, unusual_move
from kpis.models import MeasurementRevision
from kpis.readings import Conflict, PeriodLocked
from kpis.services.entry import Entry, enter_measurement, enter_measurements, needs_reason, takes_parts

NOT_APPLICABLE = {"n/a", "na", "n.a."}

Earlier = Mapping[int, Sequence[tuple[date, Decimal]]]
Key = tuple[int, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a person left in a cell; `seq` is the revision that stood there when it was typed.

    `sure` answers the question about an unusual move; `final` confirms a provisional value as it is.
    """

    slot: Slot
    text: str
    seq: int
    note: str = ""
    sure: bool = False
    final: bool = False

    @property
    def key(self) -> Key:
        return self.slot.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of typed cells: those stored, those that changed elsewhere, and what is shown of the others."""

    stored: tuple[Key, ...] = ()
    passed_by: tuple[Key, ...] = ()
    attempts: Mapping[Key, Attempt] = field(default_factory=dict)

    @property
    def keys(self) -> set[Key]:
        """The cells that look different now."""
        return {*self.stored, *self.passed_by, *self.attempts}


def save_typed(typed: Sequence[Typed], viewer: Viewer) -> Saved:
    """Store what can be stored, each value by itself where it comes with a reason, the others together."""
    seen = _seen(typed)
    changed = [one for one in typed if not _untouched(one, seen.get(one.key), viewer)]
    earlier = queries.earlier_values({one.slot.kpi.pk for one in changed}, until=viewer.today) if changed else {}
    attempts: dict[Key, Attempt] = {}
    entries: dict[Key, tuple[Typed, Entry]] = {}
    for one in changed:
        found = _examined(one, earlier, viewer)
        if isinstance(found, Attempt):
            attempts[one.key] = found
        else:
            entries[one.key] = (one, found)
    stored = _store(entries, attempts, viewer)
    return Saved(
        stored=stored,
        passed_by=tuple(one.key for one in typed if one not in changed and one.seq != one.slot.seq),
        attempts=_with_conflicts(attempts, typed, viewer),
    )


def _seen(typed: Sequence[Typed]) -> dict[Key, MeasurementRevision]:
    """Return the revisions that people saw where another has followed since."""
    stale = [(*one.key, one.seq) for one in typed if one.seq and one.seq != one.slot.seq]
    return queries.values_at_revision(stale) if stale else {}


def _untouched(typed: Typed, seen: MeasurementRevision | None, viewer: Viewer) -> bool:
    """Return whether the cell says no more than what stood there: a page saved whole sends every cell."""
    slot = typed.slot
    if typed.final:
        return False
    text = typed.text.strip()
    before = slot.value if typed.seq == slot.seq else seen
    shown = words.typed(before.value, slot.kpi, viewer.locale) if before is not None else ""
    if text == shown:
        return True
    return slot.value is not None and text == words.typed(slot.value.value, slot.kpi, viewer.locale)


def _examined(typed: Typed, earlier: Earlier, viewer: Viewer) -> Entry | Attempt:
    """Return the entry to store, or why it waits."""
    slot, text = typed.slot, typed.text.strip()
    if slot.is_locked:
        return _refused(typed, _("%(period)s is locked.") % {"period": words.name_of(slot.period)})
    if typed.seq != slot.seq:
        return Attempt(kind="conflict", text=text, sentence="", note=typed.note, seq=slot.seq)
    try:
        value = number_in(typed.text, slot, viewer)
    except EntryRefused as refused:
        sentence = words.why_refused(refused, text=text, kpi=slot.kpi, period=slot.period, locale=viewer.locale)
        return _refused(typed, sentence, leads_to_form=refused.problem in {Problem.EMPTIED, Problem.PARTS_WANTED})
    move = None if typed.sure else unusual_move(value, _before(earlier, slot))
    if move is not None:
        sentence = words.unusual(move, kpi=slot.kpi, locale=viewer.locale)
        return Attempt(kind="sure", text=text, sentence=sentence, note=typed.note, seq=typed.seq)
    entry = Entry(kpi=slot.kpi, period=slot.period, expected_seq=typed.seq, value=value)
    if not typed.note and needs_reason(entry, before=slot.value, today=viewer.today):
        return _asked_for_reason(typed, viewer)
    return entry


def number_in(text: str, slot: Slot, viewer: Viewer) -> Decimal:
    """Return the value that a person typed for a slot, or refuse it."""
    text = text.strip()
    if takes_parts(slot.kpi):
        raise EntryRefused(Problem.PARTS_WANTED)
    if not text or text.lower() in NOT_APPLICABLE:
        raise EntryRefused(Problem.EMPTIED)
    value = typed_number(text, locale=viewer.locale, percent=slot.kpi.measure_unit == "%")
    check_range(value, minimum=slot.kpi.minimum, maximum=slot.kpi.maximum)
    return value


def _store(entries: dict[Key, tuple[Typed, Entry]], attempts: dict[Key, Attempt], viewer: Viewer) -> tuple[Key, ...]:
    """Store the entries and return which were; what another person was quicker with becomes an attempt."""
    reasoned = {key: pair for key, pair in entries.items() if pair[0].note}
    plain = {key: pair for key, pair in entries.items() if not pair[0].note}
    stored: list[Key] = []
    for key, (typed, entry) in reasoned.items():
        try:
            enter_measurement(
                kpi=entry.kpi,
                period=entry.period,
                expected_seq=entry.expected_seq,
                value=entry.value,
                note=typed.note,
                user=viewer.user,
                now=viewer.now,
            )
            stored.append(key)
        except Conflict as conflict:
            attempts[key] = Attempt(kind="conflict", text=typed.text, sentence="", note=typed.note, seq=conflict.seq)
        except PeriodLocked:
            attempts[key] = _refused(typed, _("The period was locked meanwhile."))
    while plain:
        try:
            enter_measurements(entries=[entry for _typed, entry in plain.values()], user=viewer.user, now=viewer.now)
            stored.extend(plain)
            break
        except Conflict as conflict:
            typed, _entry = plain.pop((conflict.kpi_id, conflict.period_start))
            attempts[typed.key] = Attempt(kind="conflict", text=typed.text, sentence="", seq=conflict.seq)
        except PeriodLocked as locked:
            for key in locked.periods:
                typed, _entry = plain.pop(key)
                attempts[key] = _refused(typed, _("The period was locked meanwhile."))
    return tuple(stored)


def _with_conflicts(attempts: dict[Key, Attempt], typed: Sequence[Typed], viewer: Viewer) -> dict[Key, Attempt]:
    """Return the attempts, those in conflict with who changed the value to what, and when."""
    contested = {key: one.seq for key, one in attempts.items() if one.kind == "conflict"}
    if not contested:
        return attempts
    slots = {one.key: one.slot for one in typed}
    latest = queries.values_at_revision([(*key, seq) for key, seq in contested.items()])
    return attempts | {key: _contested(attempts[key], slots[key], latest.get(key), viewer) for key in contested}


def conflict(slot: Slot, text: str, viewer: Viewer) -> Attempt:
    """Return what is shown when somebody was quicker: `slot` holds their value, `text` is what was typed."""
    latest = queries.values_at_revision([(*slot.key, slot.seq)])
    attempt = Attempt(kind="conflict", text=text, sentence="", seq=slot.seq)
    return _contested(attempt, slot, latest.get(slot.key), viewer)


def _contested(attempt: Attempt, slot: Slot, theirs: MeasurementRevision | None, viewer: Viewer) -> Attempt:
    value = words.typed(theirs.value if theirs else None, slot.kpi, viewer.locale) or _("n/a")
    facts = {
        "person": _by(theirs, viewer),
        "value": value,
        "ago": words.ago(theirs.recorded_at, viewer.now, viewer.tz) if theirs else "",
        "text": attempt.text,
    }
    return replace(
        attempt,
        theirs=value,
        headline=_("%(person)s changed this to %(value)s %(ago)s.") % facts,
        sentence=_("You typed %(text)s. Nothing is lost.") % facts,
    )


def _by(revision: MeasurementRevision | None, viewer: Viewer) -> str:
    if revision is None:
        return _("Someone")
    if revision.recorded_by is not None:
        # One's own change, from another window.
        return _("You") if revision.recorded_by_id == viewer.user.pk else revision.recorded_by.name
    return revision.pull.source.name if revision.pull is not None else _("Someone")


def _asked_for_reason(typed: Typed, viewer: Viewer) -> Attempt:
    slot = typed.slot
    old = words.typed(slot.value.value if slot.value else None, slot.kpi, viewer.locale) or _("n/a")
    facts = {"period": words.name_of(slot.period), "old": old, "new": typed.text.strip()}
    return Attempt(
        kind="reason",
        text=typed.text,
        headline=_("%(period)s has been read as %(old)s.") % facts,
        sentence=_("Why is it %(new)s?") % facts,
        seq=typed.seq,
    )


def _refused(typed: Typed, sentence: str, *, leads_to_form: bool = False) -> Attempt:
    return Attempt(kind="refused", text=typed.text, sentence=sentence, seq=typed.seq, leads_to_form=leads_to_form)


def _before(earlier: Earlier, slot: Slot) -> list[Decimal]:
    return [value for start, value in earlier.get(slot.kpi.pk, ()) if start < slot.period.start]
