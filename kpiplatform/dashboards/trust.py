"""The grade of confidence in a value, with every point explained."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.domain.confidence import Confidence, Criterion, Evidence, confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A grade as it is opened: its points out of all that apply, and what each was given for."""

    grade: str
    says: str
    lines: tuple[tuple[str, str, str], ...]


def explained(evidence: Evidence) -> Explained:
    """Return the grade of a value with its points in words: (what, how it is, points)."""
    found = confidence(evidence)
    return Explained(
        grade=found.grade,
        says=_("%(got)d of %(most)d points") % {"got": found.got, "most": found.most},
        lines=tuple(_lines(evidence, found)),
    )


def _lines(its: Evidence, found: Confidence) -> list[tuple[str, str, str]]:
    names = {
        Criterion.ENTRY: _("How it came in"),
        Criterion.ARRIVAL: _("When it came"),
        Criterion.COVERAGE: _("Periods before it"),
        Criterion.RULES: _("Rules of the source"),
        Criterion.TOTAL: _("Control total"),
        Criterion.CORRECTIONS: _("Changed since"),
        Criterion.APPROVAL: _("Second person"),
        Criterion.DEFINITION: _("Definition"),
    }
    return [
        (
            names[point.criterion],
            _fact(point.criterion, its),
            _("%(got)d of %(most)d") % {"got": point.got, "most": point.most},
        )
        for point in found.points
    ]


def _fact(criterion: Criterion, its: Evidence) -> str:
    match criterion:
        case Criterion.ENTRY:
            return _entry(its.kind)
        case Criterion.ARRIVAL:
            late = max(its.days_late or 0, 0)
            return ngettext("%(n)d day late", "%(n)d days late", late) % {"n": late} if late else _("in time")
        case Criterion.COVERAGE:
            return _("%(present)d of %(due)d with a value") % {"present": its.present, "due": its.due}
        case Criterion.RULES:
            of = {"kept": its.rules_kept, "all": its.rules_checked}
            return _("%(kept)d of %(all)d kept") % of if its.rules_checked else _("the source has none")
        case Criterion.TOTAL:
            return {True: _("agrees"), False: _("differs"), None: _("there is none")}[its.reconciled]
        case Criterion.CORRECTIONS:
            times = its.corrections
            return ngettext("%(n)d time", "%(n)d times", times) % {"n": times} if times else _("never")
        case Criterion.APPROVAL:
            return _("approved it") if its.is_approved else _("did not approve it")
        case Criterion.DEFINITION:
            return _("reviewed") if its.is_reviewed else _("its review is overdue or was never planned")


def _entry(kind: str) -> str:
    return {
        "pull": _("pulled from a source"),
        "api": _("sent by another system"),
        "upload": _("from a spreadsheet"),
        "manual": _("typed"),
        "correction": _("corrected by hand"),
        "undo": _("taken back by hand"),
    }[kind]
