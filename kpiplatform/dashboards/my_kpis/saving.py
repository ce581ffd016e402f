"""From what was typed into cells to stored values, or to what is said instead. Nothing typed is ever lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.dashboards.my_kpis import links, queries, words
from kpiplatform.dashboards.my_kpis.sheet import Attempt, Key, Viewer
from kpiplatform.dashboards.my_kpis.slots import Slot
from kpis.domain.entry_checks import EntryRefused, Problem, check_range, typed_number, typed_parts
from kpis.forms import TOLD, ValueExplanationForm
from kpis.models import Kpi, MeasurementRevision, ProposedValue
from kpis.readings import Conflict, PeriodLocked
from kpis.services.asking import Answered, answered, reading_of
from kpis.services.entry import Entry, enter_measurements, takes_parts
from kpis.services.keeping import keep

NOT_APPLICABLE = {"n/a", "na", "n.a."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a person left in a cell; `seq` is the revision that stood there when it was typed.

    `sure` answers the question about an unusual move; `final` confirms a provisional value as it is; `told` is what
    was typed of an explanation; `seen_proposed` is the waiting value of somebody else that was seen.
    """

    slot: Slot
    text: str
    seq: int
    note: str = ""
    sure: bool = False
    final: bool = False
    told: Mapping[str, str] = field(default_factory=dict)
    seen_proposed: int = 0

    @property
    def key(self) -> Key:
        return self.slot.key

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """What was answered already, as the fields of the next form."""
        given = {
            "reason": self.note,
            "sure": "1" if self.sure else "",
            "final": "1" if self.final else "",
            "proposed": str(self.seen_proposed or ""),
        }
        return tuple((name, said) for name, said in given.items() if said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of typed cells: those stored, those that wait for an approval, those that changed elsewhere.

    `attempts` is what is shown of the others.
    """

    stored: tuple[Key, ...] = ()
    waiting: int = 0
    passed_by: tuple[Key, ...] = ()
    attempts: Mapping[Key, Attempt] = field(default_factory=dict)

    @property
    def keys(self) -> set[Key]:
        """The cells that look different now."""
        return {*self.stored, *self.passed_by, *self.attempts}


def save_typed(typed: Sequence[Typed], viewer: Viewer) -> Saved:
    """Store what can be stored, all together; what is refused, contested or asked about stays as it was typed."""
    changed = _changed(typed, viewer)
    entries, attempts, unexplained = _sorted(changed, viewer)
    for one, entry in unexplained:
        keep(entry=entry, told=one.told, user=viewer.user, today=viewer.today, now=viewer.now)
    stored, waiting, contested = _store(entries, attempts, viewer)
    return Saved(
        stored=stored,
        waiting=waiting,
        passed_by=tuple(one.key for one in typed if one not in changed and one.seq != one.slot.seq),
        attempts=_with_conflicts(attempts, contested, typed, viewer),
    )


def preview(typed: Sequence[Typed], viewer: Viewer) -> tuple[set[Key], dict[Key, Attempt]]:
    """Return which cells would be stored as they are typed, and what would be said of the others; nothing is."""
    entries, attempts, _unexplained = _sorted(_changed(typed, viewer), viewer)
    return set(entries), _with_conflicts(attempts, {}, typed, viewer)


def _changed(typed: Sequence[Typed], viewer: Viewer) -> list[Typed]:
    """Return the cells that say something new."""
    seen = _seen(typed)
    return [one for one in typed if not _untouched(one, seen.get(one.key), viewer)]


def _sorted(
    changed: Sequence[Typed], viewer: Viewer
) -> tuple[dict[Key, tuple[Typed, Entry]], dict[Key, Attempt], list[tuple[Typed, Entry]]]:
    """Return what can be stored, and what is refused, contested or asked about; of this what lacks an explanation."""
    unexplained = []
    attempts: dict[Key, Attempt] = {}
    entries: dict[Key, tuple[Typed, Entry]] = {}
    for one in changed:
        found = _examined(one, viewer)
        if isinstance(found, Attempt):
            attempts[one.key] = found
        else:
            entries[one.key] = (one, found)
    said = answered([entry for _typed, entry in entries.values()], today=viewer.today) if entries else {}
    for key, answer in said.items():
        if answer.question is not None:
            one, entry = entries.pop(key)
            attempts[key] = _asked(one, answer, viewer)
            if answer.question is Problem.EXPLANATION_WANTED:
                unexplained.append((one, entry))
    return entries, attempts, unexplained


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
    waiting = slot.waiting if not slot.is_by_another(viewer.user.pk) else None
    before = waiting or (slot.value if typed.seq == slot.seq else seen)
    if text == words.typed_value(before, slot.kpi, viewer.locale):
        return True
    return slot.value is not None and text == words.typed_value(slot.value, slot.kpi, viewer.locale)


def _examined(typed: Typed, viewer: Viewer) -> Entry | Attempt:
    """Return the entry, or why it is none."""
    slot, text = typed.slot, typed.text.strip()
    if slot.kpi.entry != Kpi.Entry.MANUAL:
        return _refused(typed, _("Values of this KPI are not typed by hand any more: nothing was saved."))
    if slot.is_locked:
        return _behind_a_lock(typed)
    if typed.seq != slot.seq:
        return _conflict(typed, slot.seq)
    told = ValueExplanationForm(typed.told, period=slot.period)
    try:
        entry = Entry(
            kpi=slot.kpi,
            period=slot.period,
            expected_seq=typed.seq,
            **figures_in(typed.text, slot, viewer),
            note=typed.note,
            sure=typed.sure,
            explanation=told.explanation,
            seen_proposed=typed.seen_proposed,
        )
        reading_of(entry, viewer.today)
    except EntryRefused as refused:
        sentence = words.why_refused(refused, text=text, kpi=slot.kpi, period=slot.period, locale=viewer.locale)
        return _refused(typed, sentence, leads_to_form=refused.problem is Problem.EMPTIED)
    if entry.denominator == 0 and not typed.sure:
        return _nothing_below(typed, viewer)
    return entry


def figures_in(text: str, slot: Slot, viewer: Viewer) -> dict[str, Decimal]:
    """Return the value that a person typed for a slot, or the parts of its ratio, or refuse them."""
    kpi, text = slot.kpi, text.strip()
    if not text or text.lower() in NOT_APPLICABLE:
        raise EntryRefused(Problem.EMPTIED)
    if takes_parts(kpi):
        numerator, denominator = typed_parts(text, locale=viewer.locale)
        return {"numerator": numerator, "denominator": denominator}
    value = typed_number(text, locale=viewer.locale, percent=kpi.measure_unit == "%")
    check_range(value, minimum=kpi.minimum, maximum=kpi.maximum)
    return {"value": value}


def _nothing_below(typed: Typed, viewer: Viewer) -> Attempt:
    """Ask whether a ratio over nothing is meant: it is often a slip, and sometimes there was nothing to count."""
    slot, refused = typed.slot, EntryRefused(Problem.NOTHING_BELOW)
    sentence = words.why_refused(refused, text=typed.text, kpi=slot.kpi, period=slot.period, locale=viewer.locale)
    return Attempt(
        kind="sure", text=typed.text, sentence=sentence, seq=typed.seq, answers=typed.answers, told=typed.told
    )


def _asked(typed: Typed, answer: Answered, viewer: Viewer) -> Attempt:
    """Return the question that is asked below the cell, with what was typed and answered so far."""
    slot, headline = typed.slot, ""
    match answer.question:
        case Problem.REASON_WANTED:
            kind = "reason"
            old = words.typed_value(slot.value, slot.kpi, viewer.locale) or _("n/a")
            facts = {"period": words.name_of(slot.period), "old": old, "new": typed.text.strip()}
            headline = _("%(period)s has been read as %(old)s.") % facts
            sentence = _("Why is it %(new)s?") % facts
        case Problem.UNUSUAL if answer.move is not None:
            kind, sentence = "sure", words.unusual(answer.move, kpi=slot.kpi, locale=viewer.locale)
        case _:
            kind, sentence = "explain", words.explanation_wanted(typed.text.strip())
            missing = ValueExplanationForm(typed.told, period=slot.period)
            if missing.is_begun:
                sentence = " ".join(missing.errors.get("recovery_on", [])) or sentence
    return Attempt(
        kind=kind,
        text=typed.text,
        headline=headline,
        sentence=sentence,
        seq=typed.seq,
        answers=typed.answers,
        told=typed.told,
    )


def _store(
    entries: dict[Key, tuple[Typed, Entry]], attempts: dict[Key, Attempt], viewer: Viewer
) -> tuple[tuple[Key, ...], int, dict[Key, int]]:
    """Store the entries; return which were, how many wait, and the waiting values that somebody else put there.

    What another person was quicker with becomes an attempt.
    """
    left, contested = dict(entries), {}
    while left:
        try:
            recorded = enter_measurements(
                entries=[entry for _typed, entry in left.values()], user=viewer.user, now=viewer.now
            )
            return tuple(left), recorded.waiting, contested
        except Conflict as conflict:
            typed, _entry = left.pop((conflict.kpi_id, conflict.period_start))
            attempts[typed.key] = _conflict(typed, conflict.seq)
            contested[typed.key] = conflict.proposed_id
        except PeriodLocked as locked:
            for key in locked.periods:
                typed, _entry = left.pop(key)
                attempts[key] = _behind_a_lock(typed)
    return (), 0, contested


def _conflict(typed: Typed, seq: int) -> Attempt:
    return Attempt(kind="conflict", text=typed.text, sentence="", seq=seq, answers=typed.answers, told=typed.told)


def _with_conflicts(
    attempts: dict[Key, Attempt], proposed: Mapping[Key, int], typed: Sequence[Typed], viewer: Viewer
) -> dict[Key, Attempt]:
    """Return the attempts, those in conflict with who changed the value to what, and when."""
    contested = {key: one.seq for key, one in attempts.items() if one.kind == "conflict"}
    if not contested:
        return attempts
    slots = {one.key: one.slot for one in typed}
    latest = queries.values_at_revision([(*key, seq) for key, seq in contested.items()])
    waiting = queries.proposed_values([pk for pk in proposed.values() if pk])
    shown = {
        key: _contested(attempts[key], slots[key], waiting.get(proposed.get(key, 0)) or latest.get(key), viewer)
        for key in contested
    }
    return attempts | shown


def conflict(slot: Slot, text: str, viewer: Viewer, *, proposed_id: int = 0) -> Attempt:
    """Return what is shown when somebody was quicker: `slot` holds their value, `text` is what was typed."""
    attempt = Attempt(kind="conflict", text=text, sentence="", seq=slot.seq)
    waiting = queries.proposed_values([proposed_id] if proposed_id else [])
    latest = queries.values_at_revision([(*slot.key, slot.seq)])
    return _contested(attempt, slot, waiting.get(proposed_id) or latest.get(slot.key), viewer)


def _contested(
    attempt: Attempt, slot: Slot, theirs: MeasurementRevision | ProposedValue | None, viewer: Viewer
) -> Attempt:
    value = words.typed_value(theirs, slot.kpi, viewer.locale) or _("n/a")
    facts = {"value": value, "text": attempt.text}
    if isinstance(theirs, ProposedValue):
        facts |= {"person": theirs.entered_by.name, "ago": words.ago(theirs.entered_at, viewer.now, viewer.tz)}
        headline = _("%(person)s entered %(value)s %(ago)s; it waits for approval.") % facts
        answers = (*(one for one in attempt.answers if one[0] != "proposed"), ("proposed", str(theirs.pk)))
    else:
        ago = words.ago(theirs.recorded_at, viewer.now, viewer.tz) if theirs else ""
        facts |= {"person": _by(theirs, viewer), "ago": ago}
        headline, answers = _("%(person)s changed this to %(value)s %(ago)s.") % facts, attempt.answers
    return replace(
        attempt,
        theirs=value,
        headline=headline,
        sentence=_("You typed %(text)s. Nothing is lost.") % facts,
        answers=answers,
    )


def _by(revision: MeasurementRevision | None, viewer: Viewer) -> str:
    if revision is None:
        return _("Someone")
    if revision.recorded_by is not None:
        # One's own change, from another window.
        return _("You") if revision.recorded_by_id == viewer.user.pk else revision.recorded_by.name
    return revision.pull.source.name if revision.pull is not None else _("Someone")


def _behind_a_lock(typed: Typed) -> Attempt:
    slot = typed.slot
    return replace(
        _refused(typed, _("%(period)s is locked.") % {"period": words.name_of(slot.period)}),
        headline=_("You typed %(text)s.") % {"text": typed.text.strip()} if typed.text.strip() else "",
        reopen_url=links.reopen(slot.kpi.code, slot.period.start),
    )


def _refused(typed: Typed, sentence: str, *, leads_to_form: bool = False) -> Attempt:
    return Attempt(kind="refused", text=typed.text, sentence=sentence, seq=typed.seq, leads_to_form=leads_to_form)


def told_in(said: Mapping[str, str]) -> dict[str, str]:
    """Return what was posted of an explanation."""
    return {name: said[name] for name in TOLD if said.get(name, "").strip()}
