"""The grade of confidence in a value, with every point explained."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.kpi_page.facts import Facts
from kpis.dates import short_label
from kpis.domain.confidence import Confidence, Criterion, Evidence, Source
from kpis.domain.periods import period_of
from kpis.queries import calendar_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The points of one value, each as (what, how it is, points).

    It is the graded value itself, or one that it was computed from: then `name` says which KPI, and `url` leads there.
    Of a KPI that the reader may not open only the grade is told.
    """

    name: str = ""
    url: str = ""
    period: str = ""
    grade: str
    says: str
    lines: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A grade as it is opened: its points out of all that apply, and what each was given for."""

    grade: str
    says: str
    is_computed: bool
    parts: tuple[Part, ...]


def explained(found: Confidence | None, facts: Facts) -> Explained | None:
    """Return the grade of a value with its points in words."""
    if found is None:
        return None
    if not found.is_computed:
        (source,) = found.sources
        part = Part(grade=source.grade, says=_points(source), lines=_lines(source))
        return Explained(grade=found.grade, says=part.says, is_computed=False, parts=(part,))
    count = len(found.sources)
    says = ngettext("as its only input", "as the weakest of %(n)d inputs", count) % {"n": count}
    parts = tuple(_part(source, facts) for source in found.sources)
    return Explained(grade=found.grade, says=says, is_computed=True, parts=parts)


def _part(source: Source, facts: Facts) -> Part:
    kpi = facts.feeding.get(source.kpi_id)
    if kpi is None:
        return Part(name=_("a KPI you may not open"), grade=source.grade, says="", lines=())
    return Part(
        name=kpi.name,
        url=reverse("kpi", args=[kpi.code]) + facts.known.query,
        period=short_label(period_of(source.start, kpi.frequency, calendar_of(kpi.calendar))),
        grade=source.grade,
        says=_points(source),
        lines=_lines(source),
    )


def _points(source: Source) -> str:
    return _("%(got)d of %(most)d points") % {"got": source.got, "most": source.most}


def _lines(source: Source) -> tuple[tuple[str, str, str], ...]:
    names = {
        Criterion.ENTRY: _("How it came in"),
        Criterion.ARRIVAL: _("When it came"),
        Criterion.COVERAGE: _("Periods before it"),
        Criterion.WHOLE: _("Days of the period"),
        Criterion.RULES: _("Rules of the source"),
        Criterion.TOTAL: _("Control total"),
        Criterion.CORRECTIONS: _("Changed since"),
        Criterion.APPROVAL: _("Second person"),
        Criterion.DEFINITION: _("Definition"),
    }
    return tuple(
        (
            names[point.criterion],
            _fact(point.criterion, source.evidence),
            _("%(got)d of %(most)d") % {"got": point.got, "most": point.most},
        )
        for point in source.points
    )


def _fact(criterion: Criterion, its: Evidence) -> str:
    match criterion:
        case Criterion.ENTRY:
            return _entry(its.kind)
        case Criterion.ARRIVAL:
            late = max(its.days_late or 0, 0)
            return ngettext("%(n)d day late", "%(n)d days late", late) % {"n": late} if late else _("in time")
        case Criterion.COVERAGE:
            return _("%(present)d of %(due)d with a value") % {"present": its.present, "due": its.due}
        case Criterion.WHOLE:
            return _("%(there)d of %(all)d in the source") % {"there": its.days_there, "all": its.days}
        case Criterion.RULES:
            of = {"kept": its.rules_kept, "all": its.rules_checked}
            return _("%(kept)d of %(all)d kept") % of if its.rules_checked else _("the source had none when it came in")
        case Criterion.TOTAL:
            return {True: _("agrees"), False: _("differs"), None: _("there was none to compare with")}[its.reconciled]
        case Criterion.CORRECTIONS:
            times = its.corrections
            return ngettext("%(n)d time", "%(n)d times", times) % {"n": times} if times else _("never")
        case Criterion.APPROVAL:
            return _("approved it") if its.is_approved else _("did not approve it")
        case Criterion.DEFINITION:
            return _("its review is not due") if its.is_reviewed else _("its review is overdue or was never planned")


def _entry(kind: str) -> str:
    return {
        "pull": _("pulled from a source"),
        "api": _("sent by another system"),
        "upload": _("from a spreadsheet"),
        "manual": _("typed"),
        "correction": _("corrected by hand"),
        "undo": _("taken back by hand"),
    }[kind]
