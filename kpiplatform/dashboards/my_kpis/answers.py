"""What a posted value is answered with: the cells that look different now, or the form of one cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext as _

from kpiplatform.dashboards.my_kpis import grid, links, presenter, queries, words
from kpiplatform.dashboards.my_kpis.forms import CellForm
from kpiplatform.dashboards.my_kpis.saving import Saved
from kpiplatform.dashboards.my_kpis.sheet import Attempt, Key, Viewer, cell_id, cell_url, title_of
from kpiplatform.dashboards.my_kpis.slots import Slot
from kpis.domain.figures import with_unit
from kpis.grades import grades_of_versions
from kpis.models import Kpi, MeasurementRevision
from kpis.queries import entry_rules, proposed_values_decided_by
from kpis.revision_words import who_revised
from kpis.services.proposing import needs_approval
from kpis.templatetags.kpi_figures import band_name
from objectives.queries import organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One revision of a value, ready to print."""

    seq: int
    value: str
    grade: str
    state: str
    by: str
    when: str
    why: str


def cells(kpis: Iterable[Kpi], viewer: Viewer, saved: Saved, *, main: Key | None = None) -> dict[str, Any]:
    """Return the context of the cells that look different now, read anew, and of the states of their rows.

    The cell `main` replaces the one that was typed in; the others find their places by their ids.
    """
    owned = presenter.lines_of(list(kpis), viewer, also=saved.keys)
    sheet = presenter.sheet_of(owned, viewer, saved.attempts)
    shown = {slot.key: grid.cell(slot, sheet) for line in owned for slot in line.slots if slot.key in saved.keys}
    return {
        "main": shown.pop(main) if main in shown else None,
        "cells": list(shown.values()),
        "rows": [grid.row(line, sheet) for line in owned],
    }


def said(before: Slot, after: Slot, viewer: Viewer) -> str:
    """Return what is said after a value was stored: where it stands, and its band if that changed."""
    kpi, value = after.kpi, after.value
    if after.waiting is not None:
        figure = words.figured(after.waiting, kpi, viewer.locale) or _("n/a")
        facts = {"cell": title_of(after), "value": with_unit(figure, kpi.measure_unit)}
        return _("%(cell)s: %(value)s waits for approval. It counts once somebody else has approved it.") % facts
    figure = words.figured(value, kpi, viewer.locale)
    facts = {"cell": title_of(after), "value": with_unit(figure, kpi.measure_unit)}
    text = _("%(cell)s: %(value)s saved") % facts if figure else _("%(cell)s saved") % facts
    old = before.value.band if before.value is not None else ""
    new = value.band if value is not None else ""
    if not new or old == new:
        return f"{text}."
    if not old:
        return f"{text}, {band_name(new).lower()}."
    return _("%(text)s, %(old)s before, %(new)s now.") % {
        "text": text,
        "old": band_name(old).lower(),
        "new": band_name(new).lower(),
    }


def form_page(slot: Slot, form: CellForm, viewer: Viewer, *, conflict: Attempt | None = None) -> dict[str, Any]:
    """Return the context of the form of one cell; a second try replaces what stands there now."""
    kpi, value = slot.kpi, slot.value
    text = words.shown(value.value, kpi, viewer.locale) if value is not None and value.value is not None else ""
    return {
        "kpi": kpi,
        "unit": kpi.unit.name,
        "period": words.name_of(slot.period),
        "span": words.span_of(slot.period),
        "is_locked": slot.is_locked,
        "is_source": kpi.entry == Kpi.Entry.SOURCE,
        "standing": _standing(slot, text),
        "band": value.band if text and value is not None else None,
        "band_state": "provisional" if slot.state == "provisional" else "",
        "form": form,
        "seq": slot.seq,
        "conflict": conflict,
        "kept": _kept(slot, viewer),
        "waiting": _waiting(slot, viewer),
        "seen_proposed": slot.waiting.pk if slot.waiting else 0,
        "may_decide": slot.waiting is not None
        and proposed_values_decided_by(viewer.user, today=viewer.today).filter(pk=slot.waiting.pk).exists(),
        "needs_approval": needs_approval(kpi, viewer.user, entry_rules(), today=viewer.today),
        "doubt": form.doubt if form.is_bound and not form.errors else "",
        "history": _history(slot, viewer),
        "kpi_url": links.kpi_page(kpi.code),
        "reopen_url": links.reopen(kpi.code, slot.period.start),
        "back_url": back_to(slot),
        "url": cell_url(slot),
    }


def back_to(slot: Slot) -> str:
    """Return the place of a cell in the grid."""
    return f"{reverse('my:kpis')}#{cell_id(slot)}"


def _standing(slot: Slot, text: str) -> str:
    """Return how it stands with the value, like “76.2 %, provisional”."""
    if text:
        figure = with_unit(text, slot.kpi.measure_unit)
        return _("%(value)s, provisional") % {"value": figure} if slot.state == "provisional" else figure
    if slot.state == "not_applicable" and slot.value is not None:
        return _("Not applicable: %(reason)s") % {"reason": slot.value.reason}
    if slot.value is not None:
        return _("No value: the denominator is zero")
    facts = {"day": words.weekday_of(slot.due), "late": words.days_late(slot.due, slot.today)}
    return _("Missing, %(late)s") % facts if facts["late"] else _("No value yet, due %(day)s") % facts


def _kept(slot: Slot, viewer: Viewer) -> str:
    """Return the sentence about what the person typed and has not explained yet, "" if there is nothing."""
    if slot.kept is None:
        return ""
    figure = words.figured(slot.kept, slot.kpi, viewer.locale)
    facts = {
        "value": with_unit(figure, slot.kpi.measure_unit),
        "at": words.clock(slot.kept.entered_at, viewer.now, viewer.tz),
    }
    return _("%(value)s, typed %(at)s, waits for its explanation. Nobody else sees it, and it does not count.") % facts


def _waiting(slot: Slot, viewer: Viewer) -> str:
    """Return the sentence about a value that waits for approval, "" if none does."""
    one = slot.waiting
    if one is None:
        return ""
    figure = words.figured(one, slot.kpi, viewer.locale) or _("not applicable")
    facts = {
        "value": with_unit(figure, slot.kpi.measure_unit),
        "person": one.entered_by.name,
        "at": words.clock(one.entered_at, viewer.now, viewer.tz),
    }
    return _("%(value)s, entered by %(person)s %(at)s, waits for approval. What you save takes its place.") % facts


def _history(slot: Slot, viewer: Viewer) -> list[Version]:
    rows = queries.history_of(slot.kpi, slot.period.start)
    grades = grades_of_versions(rows, now=viewer.now, zone=ZoneInfo(organisation().time_zone))
    return [_version(row, grades.get(row.seq, ""), slot, viewer) for row in rows]


def _version(revision: MeasurementRevision, grade: str, slot: Slot, viewer: Viewer) -> Version:
    states = {"reported": "", "provisional": _("provisional"), "not_applicable": _("not applicable")}
    by = who_revised(revision)
    if revision.approved_by is not None:
        by = _("%(person)s, approved by %(other)s") % {"person": by, "other": revision.approved_by.name}
    why = (revision.note or revision.reason, words.meant(revision.unusual_by, viewer.locale))
    return Version(
        seq=revision.seq,
        value=words.figured(revision, slot.kpi, viewer.locale) or "\N{EN DASH}",
        grade=grade,
        state=states[revision.state],
        by=by,
        when=words.clock(revision.recorded_at, viewer.now, viewer.tz),
        why=". ".join(filter(None, why)),
    )
