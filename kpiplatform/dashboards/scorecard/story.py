"""What the scorecard says first: how many stand where, what moved since the review, who acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from kpiplatform.dashboards.scorecard.parts import NAMED_AT_ONCE
from kpiplatform.dashboards.scorecard.queries import Board
from kpiplatform.dashboards.scorecard.restated import Restated
from kpiplatform.dashboards.scorecard.rows import Row
from kpis.dates import short_day, short_label
from kpis.domain.bands import severity
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import Calendar, period_of

SMALL_NUMBERS = (
    gettext_noop("none"), gettext_noop("one"), gettext_noop("two"), gettext_noop("three"), gettext_noop("four"),
    gettext_noop("five"), gettext_noop("six"), gettext_noop("seven"), gettext_noop("eight"), gettext_noop("nine"),
    gettext_noop("ten"), gettext_noop("eleven"), gettext_noop("twelve"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many KPIs are in a band, and how they moved since the last review."""

    band: str
    total: int
    movement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that changed since the last review."""

    url: str
    name: str
    text: str
    who: str
    old: str = ""
    new: str = ""
    when: str = ""
    lacks: str = ""
    was: str = ""
    was_grade: str = ""
    value: str = ""
    grade: str = ""


@dataclass(slots=True, kw_only=True)
class Story:
    """The first lines of the scorecard; of long lists the first rows, and how many there are."""

    lede: str
    counts: list[Count]
    since: str
    restated_since: str = ""
    worse: list[Change] = field(default_factory=list)
    worse_total: int = 0
    better: list[Change] = field(default_factory=list)
    better_total: int = 0
    restated: list[Change] = field(default_factory=list)
    restated_total: int = 0
    decisions: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The rows whose band is another than at the last review, the worst first."""

    worse: Sequence[Row]
    better: Sequence[Row]

    @property
    def named(self) -> list[Row]:
        """Those that are named beside the table."""
        return [*self.worse[:NAMED_AT_ONCE], *self.better[:NAMED_AT_ONCE]]


def moved_of(rows: Sequence[Row]) -> Moved:
    """Return the rows that moved since the last review."""
    moved = [row for row in rows if row.then_band and row.standing.band and row.then_band != row.standing.band]
    worse = [row for row in moved if severity(row.standing.band) > severity(row.then_band or "")]
    better = [row for row in moved if severity(row.standing.band) < severity(row.then_band or "")]
    return Moved(worse=sorted(worse, key=lambda row: -severity(row.standing.band)), better=better)


def story_of(
    rows: Sequence[Row], moved: Moved, board: Board, *, calendars: Mapping[int, Calendar], locale: str
) -> Story:
    """Return what a reader must know first."""
    worse, better = moved.worse, moved.better
    shown = {row.kpi.pk for row in rows}
    return Story(
        lede=_lede(rows, board, len(worse), len(better)),
        counts=[_count(band, rows, bool(board.review)) for band in ("on_track", "at_risk", "off_track", "")],
        since=short_day(board.review.held_on) if board.review else "",
        restated_since=board.review.held_on.isoformat() if board.review else "",
        worse=[_moved(row) for row in worse[:NAMED_AT_ONCE]],
        worse_total=len(worse),
        better=[_moved(row) for row in better[:NAMED_AT_ONCE]],
        better_total=len(better),
        restated=[_restated(row, calendars, locale) for row in board.restated[:NAMED_AT_ONCE]],
        restated_total=len(board.restated),
        decisions=[
            Change(
                url=reverse("kpi", args=[decision.kpi_code]) if decision.kpi_id in shown else "",
                name=decision.title,
                text=decision.detail,
                who=decision.owner,
                when=short_day(decision.due_on),
            )
            for decision in board.decisions
        ],
    )


def _count(band: str, rows: Sequence[Row], has_review: bool) -> Count:
    total = sum(row.standing.band == band for row in rows)
    if not band:
        never = sum(row.standing.value is None for row in rows)
        movement = _("%(count)d never measured") % {"count": never} if never else ""
        return Count(band=band, total=total, movement=movement)
    if not has_review:
        return Count(band=band, total=total, movement="")
    came = sum(row.standing.band == band and bool(row.then_band) and row.then_band != band for row in rows)
    went = sum(row.then_band == band and bool(row.standing.band) and row.standing.band != band for row in rows)
    return Count(band=band, total=total, movement=_("%(came)d in, %(went)d out") % {"came": came, "went": went})


def _lede(rows: Sequence[Row], board: Board, worse: int, better: int) -> str:
    measured = [row for row in rows if row.standing.band]
    if not rows:
        return ""
    if not measured:
        return _("None of these KPIs has a judged value yet.")
    on_track = sum(row.standing.band == "on_track" for row in measured)
    sentences = [
        _("%(good)s of %(all)s measured KPIs are on track.")
        % {"good": _spelled(on_track).capitalize(), "all": _spelled(len(measured))}
    ]
    if board.review:
        sentences.append(
            _("Since the review of %(day)s %(better)s improved and %(worse)s worsened.")
            % {"day": short_day(board.review.held_on), "better": _spelled(better), "worse": _spelled(worse)}
        )
    off = [row.kpi.name for row in measured if row.standing.band == "off_track"]
    if off:
        shown = off[:3]
        if len(off) > 3:
            shown.append(ngettext("%(count)d more", "%(count)d more", len(off) - 3) % {"count": len(off) - 3})
        names = (
            shown[0]
            if len(shown) == 1
            else _("%(first)s and %(last)s")
            % {
                "first": "; ".join(shown[:-1]),
                "last": shown[-1],
            }
        )
        sentences.append(_("Off track: %(names)s.") % {"names": names})
    return " ".join(sentences)


def _spelled(count: int) -> str:
    return _(SMALL_NUMBERS[count]) if count < len(SMALL_NUMBERS) else str(count)


def _moved(row: Row) -> Change:
    standing, kpi = row.standing, row.kpi
    facts = {
        "value": with_unit(row.value, row.unit),
        "goal": row.goal,
        "period": row.period,
        "gap": with_unit(row.gap, row.gap_unit),
    }
    text = _("%(value)s in %(period)s against %(goal)s (%(gap)s).") % facts
    if row.since:
        text += " " + _("So since %(period)s.") % {"period": row.since}
    who = kpi.owner_name
    if row.answer.count:
        who += " · " + row.answer_words
    if row.signal:
        who += " · " + row.signal
    return Change(
        url=row.url,
        name=kpi.name,
        text=text,
        who=who,
        old=row.then_band or "",
        new=standing.band,
        lacks=row.answer_words if row.lacks_answer else "",
        grade=row.grade,
    )


def _restated(row: Restated, calendars: Mapping[int, Calendar], locale: str) -> Change:
    was, value = (number(figure, row.decimals, locale=locale) for figure in (row.was, row.value))
    on = short_day(timezone.localdate(row.recorded_at))
    return Change(
        url=reverse("kpi", args=[row.code]),
        name=row.name,
        was=was,
        was_grade=row.was_grade,
        value=with_unit(value, row.measure_unit),
        grade=row.grade,
        text=row.note,
        who=f"{row.by or _('computed')}, {on}",
        when=short_label(period_of(row.period_start, row.frequency, calendars[row.calendar_id])),
    )
