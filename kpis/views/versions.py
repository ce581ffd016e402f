"""Every version of one value in words: who, when, why, from which pull, and what it was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from kpis.dates import moment
from kpis.domain.entry_checks import typed_text
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import Period
from kpis.grades import grades_of_versions
from kpis.models import Kpi, MeasurementRevision, ProposedValue
from kpis.revision_words import who_revised, why_no_value, why_revised
from objectives.queries import organisation

SAID = ("value", "numerator", "denominator", "state", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One revision, ready to print; `was` is "" for the first. Of equal versions none can be brought back.

    A version that was replaced has the grade of confidence with which it ended.
    """

    seq: int
    at: str
    who: str
    pull_url: str
    why: str
    was: str
    was_grade: str
    now: str
    grade: str
    parts: str
    is_present: bool
    may_return: bool


def versions(kpi: Kpi, period: Period, *, locale: str, links_pulls: bool) -> list[Version]:
    """Return every version of the value of one period, newest first."""
    found = MeasurementRevision.objects.filter(kpi=kpi, period_start=period.start)
    rows = list(found.select_related("recorded_by", "approved_by", "pull__source").order_by("-seq"))
    grades = grades_of_versions(rows, now=timezone.now(), zone=ZoneInfo(organisation().time_zone))
    return list(_versions(rows, grades, kpi, locale, links_pulls))


def in_words(revision: MeasurementRevision | ProposedValue, kpi: Kpi, *, locale: str) -> str:
    """Return what a revision says: the value with its unit and whether it is provisional, or why there is none."""
    if revision.state == "not_applicable":
        return _("not applicable: %(reason)s") % {"reason": why_no_value(revision.reason)}
    if revision.value is None:
        return _("no value: %(reason)s") % {"reason": why_no_value(revision.reason)}
    value = with_unit(number(revision.value, kpi.decimals, locale=locale), kpi.measure_unit)
    return _("%(value)s, provisional") % {"value": value} if revision.state == "provisional" else value


def waiting_in_words(kpi: Kpi, period: Period, *, locale: str) -> str:
    """Return the sentence about the value that was proposed last: it waits, was rejected or withdrawn; else ""."""
    proposed = ProposedValue.objects.filter(kpi=kpi, period_start=period.start)
    row = proposed.select_related("entered_by", "decided_by").order_by("-pk").first()
    if row is None:
        return ""
    zone = timezone.get_current_timezone()
    words = {"value": in_words(row, kpi, locale=locale), "name": row.entered_by.name}
    if row.outcome == ProposedValue.Outcome.WAITING:
        words["at"] = moment(row.entered_at, zone)
        return _("%(value)s, entered by %(name)s on %(at)s, waits for approval.") % words
    told = {ProposedValue.Outcome.REJECTED, ProposedValue.Outcome.WITHDRAWN}
    if row.outcome not in told or row.decided_by is None or row.decided_at is None:
        return ""
    if MeasurementRevision.objects.filter(kpi=kpi, period_start=period.start, recorded_at__gt=row.decided_at).exists():
        return ""
    words |= {"other": row.decided_by.name, "at": moment(row.decided_at, zone), "why": row.decision_reason}
    if row.outcome == ProposedValue.Outcome.WITHDRAWN:
        return _("%(value)s, entered by %(name)s, was withdrawn on %(at)s, before anybody decided about it.") % words
    return _("%(value)s, entered by %(name)s, was rejected by %(other)s on %(at)s: %(why)s") % words


def _versions(
    rows: list[MeasurementRevision], grades: Mapping[int, str], kpi: Kpi, locale: str, links_pulls: bool
) -> Iterator[Version]:
    zone = timezone.get_current_timezone()
    for row, before in pairwise([*rows, None]):
        assert row is not None
        yield Version(
            seq=row.seq,
            at=moment(row.recorded_at, zone),
            who=_who(row),
            pull_url=_pull_url(row) if links_pulls else "",
            why=why_revised(
                kind=row.kind,
                note=row.note,
                state=row.state,
                state_before=before.state if before else "",
                reason=row.reason,
            ),
            was=in_words(before, kpi, locale=locale) if before else "",
            was_grade=grades.get(before.seq, "") if before else "",
            now=in_words(row, kpi, locale=locale),
            grade=grades.get(row.seq, ""),
            parts=_parts(row, locale),
            is_present=row is rows[0],
            may_return=any(getattr(row, name) != getattr(rows[0], name) for name in SAID),
        )


def _who(row: MeasurementRevision) -> str:
    who = who_revised(row)
    if row.approved_by is None:
        return who
    return _("%(person)s, approved by %(other)s") % {"person": who, "other": row.approved_by.name}


def _parts(row: MeasurementRevision, locale: str) -> str:
    if row.numerator is None:
        return ""
    part, whole = (typed_text(number, 0, locale=locale) for number in (row.numerator, row.denominator))
    return _("%(part)s of %(whole)s") % {"part": part, "whole": whole}


def _pull_url(row: MeasurementRevision) -> str:
    return reverse("configuration:pull", args=[row.pull.source.code, row.pull_id]) if row.pull is not None else ""
