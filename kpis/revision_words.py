"""Why a value is what it is, in a few words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from kpis.formula_words import no_value
from kpis.models import MeasurementRevision


def why_no_value(reason: str) -> str:
    """Say in a few words why a period has no value."""
    return {"zero_denominator": _("nothing to count")}.get(reason) or no_value(reason)


def who_revised(revision: MeasurementRevision) -> str:
    """Return who or what a revision is from: a person, a source, or the computation of a derived KPI."""
    if revision.recorded_by is not None:
        return revision.recorded_by.name
    return revision.pull.source.name if revision.pull is not None else _("computed")


def why_revised(*, kind: str, note: str, state: str, state_before: str, reason: str) -> str:
    """Say why a revision was recorded: the reason that was given, or else what it was."""
    if kind == "derived":
        return _("computed, definition version %(number)s") % {"number": note}
    if note:
        return note
    if state == "not_applicable":
        return _("not applicable: %(reason)s") % {"reason": why_no_value(reason)}
    if state_before == "provisional" and state == "reported":
        return _("period closed")
    if kind == "pull":
        return _("pull, provisional") if state == "provisional" else _("pull")
    return {
        "manual": _("entered by hand"),
        "upload": _("uploaded"),
        "api": _("sent by the API"),
        "undo": _("taken back"),
    }.get(kind, kind)
