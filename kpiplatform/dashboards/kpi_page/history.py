"""What people said about the KPI, and what became of its values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_page.facts import Comment, Facts
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpis.revision_words import why_revised


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the thread, with what was answered to it, or to an answer to it."""

    pk: int
    author: User
    does: str
    at: str
    body: str
    cause: str
    action: str
    recovery: str
    mentioned: tuple[str, ...]
    answers: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    """One revision, ready to print."""

    at: str
    start: str
    period: str
    was: str
    was_grade: str
    now: str
    grade: str
    who: str
    why: str


def thread(facts: Facts) -> list[Entry]:
    """Return what was said, oldest first, each with its answers."""
    wording = Wording.of(facts)
    first = {comment.pk: comment.parent or comment.pk for comment in facts.comments}
    answers: dict[int, list[Entry]] = defaultdict(list)
    for comment in facts.comments:
        root = first[comment.pk]
        while first.get(root, root) != root:
            root = first[root]
        if root != comment.pk:
            answers[root].append(_entry(comment, facts, wording, ()))
    return [
        _entry(comment, facts, wording, answers[comment.pk]) for comment in facts.comments if comment.parent is None
    ]


def _entry(comment: Comment, facts: Facts, wording: Wording, answers: Sequence[Entry]) -> Entry:
    recovery = ""
    if comment.recovery_on is not None:
        period = facts.period(comment.recovery_on)
        recovery = wording.day(comment.recovery_on)
        if facts.kpi.frequency != "day":
            recovery = _("%(day)s (%(period)s)") % {"day": recovery, "period": wording.period(period)}
    return Entry(
        pk=comment.pk,
        author=comment.author,
        does=_does(comment, facts, wording),
        at=wording.moment(comment.at),
        body=comment.body,
        cause=comment.cause,
        action=comment.action,
        recovery=recovery,
        mentioned=comment.mentioned,
        answers=answers,
    )


def _does(comment: Comment, facts: Facts, wording: Wording) -> str:
    period = wording.period(facts.period(comment.period_start)) if comment.period_start else ""
    if comment.kind == "explanation":
        return _("explains %(period)s") % {"period": period} if period else _("explains")
    if comment.parent is not None:
        return _("answers")
    return _("comments on %(period)s") % {"period": period} if period else ""


def revisions(facts: Facts) -> Sequence[RevisionRow]:
    """Return what was changed, newest first."""
    wording = Wording.of(facts)
    return [
        RevisionRow(
            at=wording.moment(revision.at),
            start=revision.start.isoformat(),
            period=wording.period(facts.period(revision.start)),
            was="" if revision.seq == 1 else _value(revision.was, wording),
            was_grade=facts.past_grades.get((facts.kpi.pk, revision.start, revision.at), ""),
            now=_value(revision.now, wording),
            grade=facts.past_grades.get((facts.kpi.pk, revision.start, revision.until or facts.known.at), ""),
            who=revision.who or _("computed"),
            why=why_revised(
                kind=revision.kind,
                note=revision.note,
                state=revision.state,
                state_before=revision.state_before,
                reason=revision.reason,
            ),
        )
        for revision in facts.revisions
    ]


def _value(value: Decimal | None, wording: Wording) -> str:
    return _("none") if value is None else wording.bare(value)
