"""What the last column says of a row: what isn't saved, what was changed lately, what is owed."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.my_kpis import words
from kpiplatform.dashboards.my_kpis.queries import Change
from kpiplatform.dashboards.my_kpis.sheet import Attempt, Sheet, Viewer, cell_id, cell_url, title_of
from kpiplatform.dashboards.my_kpis.slots import Line, Slot
from kpis.models import Kpi
from kpis.services.asking import takes_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class RowState:
    """What the last column says of a row; `undo_*` if the change it tells can be taken back, by which button."""

    text: str = ""
    css: str = ""
    url: str = ""
    undo_url: str = ""
    undo_name: str = "undo"
    undo_seq: int = 0
    undo_target: str = ""
    undo_label: str = ""


def row_state(line: Line, sheet: Sheet) -> RowState:
    """Return the most pressing thing to say of a row, at most one."""
    tried = [(slot, sheet.attempts[slot.key]) for slot in line.slots if slot.key in sheet.attempts]
    if tried:
        return _attempt_state(tried)
    kept = [slot for slot in line.slots if slot.kept]
    if kept:
        return _kept_state(kept[-1], sheet.viewer)
    proposed = [slot for slot in line.slots if slot.waiting or slot.rejected]
    if proposed:
        return _proposed_state(proposed[-1], sheet.viewer)
    change = next(iter(sheet.changes.get(line.kpi.pk, ())), None)
    slot = line.slot(change.period_start) if change is not None else None
    if change is not None and slot is not None:
        return _change_state(slot, change, sheet.viewer)
    asked = [slot for slot in line.slots if slot.is_asked]
    if asked:
        return _asked_state(asked[0])
    inapplicable = [slot for slot in line.slots if slot.state == "not_applicable"]
    if inapplicable:
        return RowState(text=_inapplicable(inapplicable))
    return RowState(text=_role(line.kpi, sheet.viewer.user))


def _attempt_state(tried: list[tuple[Slot, Attempt]]) -> RowState:
    slot, attempt = tried[-1]
    name = words.name_of(slot.period)
    if len(tried) > 1:
        names = words.names_of([one.period for one, _attempt in tried])
        return RowState(text=_("%(periods)s not saved") % {"periods": names}, css="state--bad")
    if attempt.kind == "conflict":
        return RowState(text=_("conflict in %(period)s") % {"period": name}, css="state--warn")
    if attempt.kind == "reason":
        return RowState(text=_("%(period)s waits for a reason") % {"period": name}, css="state--warn")
    if attempt.kind == "sure":
        return RowState(text=_("%(period)s waits for a yes") % {"period": name}, css="state--warn")
    if attempt.kind == "explain":
        return RowState(text=_("%(period)s waits for its explanation") % {"period": name}, css="state--warn")
    return RowState(text=f"{attempt.sentence} {_('Not saved.')}", css="state--bad")


def _kept_state(slot: Slot, viewer: Viewer) -> RowState:
    """Return what is kept until it is explained, also where somebody else entered another value meanwhile."""
    facts = {"period": words.name_of(slot.period), "value": words.typed_value(slot.kept, slot.kpi, viewer.locale)}
    text = _("%(period)s: your %(value)s waits for an explanation") % facts
    return RowState(text=text, css="state--warn", url=cell_url(slot))


def _proposed_state(slot: Slot, viewer: Viewer) -> RowState:
    """Return how it stands with a value that is, or was, to be approved."""
    facts = {"period": words.name_of(slot.period)}
    one = slot.waiting
    if one is None:
        assert slot.rejected is not None
        assert slot.rejected.decided_by is not None
        facts |= {"person": slot.rejected.decided_by.name, "why": slot.rejected.decision_reason}
        return RowState(text=_("%(period)s rejected by %(person)s: %(why)s") % facts, css="state--bad")
    if one.entered_by_id != viewer.user.pk:
        facts |= {"person": one.entered_by.name, "ago": words.ago(one.entered_at, viewer.now, viewer.tz)}
        return RowState(
            text=_("%(period)s by %(person)s %(ago)s waits for approval") % facts,
            css="state--warn",
            url=cell_url(slot),
        )
    return RowState(
        text=_("%(period)s waits for approval") % facts,
        undo_url=cell_url(slot),
        undo_name="withdraw",
        undo_seq=one.pk,
        undo_target=f"#{cell_id(slot)}",
        undo_label=_("Take back %(cell)s") % {"cell": title_of(slot)},
    )


def _change_state(slot: Slot, change: Change, viewer: Viewer) -> RowState:
    facts = {
        "period": words.name_of(slot.period),
        "time": words.clock(change.at, viewer.now, viewer.tz),
        "person": change.by,
    }
    mine = change.by_id == viewer.user.pk
    if change.kind == "undo":
        text = _("%(period)s taken back %(time)s") % facts
    elif mine:
        text = _("%(period)s saved %(time)s") % facts
    else:
        text = _("%(period)s by %(person)s %(time)s") % facts
    if change.seq == 1:
        return RowState(text=text)
    figure = words.shown if takes_parts(slot.kpi) else words.typed
    old, new = (
        _("n/a") if one is None else figure(one, slot.kpi, viewer.locale) for one in (change.before, change.value)
    )
    if old != new:
        text += f", {old} → {new}"
    if not mine or change.kind == "undo" or slot.is_locked:
        return RowState(text=text)
    return RowState(
        text=text,
        undo_url=cell_url(slot),
        undo_seq=change.seq,
        undo_target=f"#{cell_id(slot)}",
        undo_label=_("Undo %(cell)s") % {"cell": title_of(slot)},
    )


def _asked_state(slot: Slot) -> RowState:
    facts = {"period": words.name_of(slot.period), "day": words.weekday_of(slot.due)}
    late = words.days_late(slot.due, slot.today)
    if slot.state == "provisional":
        return RowState(text=_("%(period)s is provisional") % facts)
    if late:
        return RowState(text=f"{facts['period']} {late}", css="state--warn")
    return RowState(text=_("%(period)s due %(day)s") % facts)


def _inapplicable(slots: list[Slot]) -> str:
    value = slots[-1].value
    return _("n/a: %(reason)s") % {"reason": value.reason if value else ""}


def _role(kpi: Kpi, user: User) -> str:
    if kpi.owner_id == user.pk:
        return ""
    if kpi.deputy_id == user.pk:
        return _("deputy for %(owner)s") % {"owner": kpi.owner.name}
    return _("steward for %(owner)s") % {"owner": kpi.owner.name}
