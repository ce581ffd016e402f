"""The lines of the scorecard, with every figure ready to print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.as_known import NOW, AsKnown
from kpiplatform.dashboards.scorecard.queries import Board, Line
from kpiplatform.dashboards.scorecard.surroundings import Answer
from kpis.dates import months, short_day, short_label
from kpis.domain.bullet import Bullet, bullet
from kpis.domain.figures import delta_unit, is_better, number, signed
from kpis.domain.periods import Calendar, period_of
from kpis.domain.sparkline import Spark
from kpis.domain.state import State
from kpis.models import Kpi

LONGEST_GAP_UNIT = 3
NO_ANSWER = Answer()


@dataclass(slots=True, kw_only=True)
class Standing:
    """How a KPI stands at the chosen time, from the stored state or from what was known then."""

    period_start: date | None = None
    value: Decimal | None = None
    previous_value: Decimal | None = None
    goal: Decimal | None = None
    goal_high: Decimal | None = None
    score: Decimal | None = None
    band: str = ""
    since: date | None = None
    signal: str = ""
    spark: Spark | None = None


@dataclass(slots=True, kw_only=True)
class Row:
    """One KPI. Grades are given to the rows that are shown, `give_grades`."""

    kpi: Line
    url: str
    standing: Standing
    state: str
    bullet: Bullet
    value: str
    unit: str
    goal: str
    gap: str
    gap_unit: str
    change: str
    change_class: str
    signal: str
    spark_note: str
    answer: Answer
    answer_words: str
    lacks_answer: bool
    period: str
    other_period: str
    since: str
    fresh: str
    is_late: bool
    then_band: str | None
    grade: str = ""


@dataclass(slots=True, kw_only=True)
class ObjectiveGroup:
    """One objective with its KPIs; `url` is "" for readers who may not open it."""

    name: str
    url: str
    owner: str
    band: str
    bullet: Bullet
    score: str
    terms: str
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PerspectiveGroup:
    """One perspective with its objectives."""

    name: str
    objectives: list[ObjectiveGroup] = field(default_factory=list)


def standing_of(kpi: Line, states: dict[int, tuple[State, date]] | None) -> Standing:
    """Return how the KPI stands: by its state row, or by the state as it was known."""
    if states is None:
        return _standing_now(kpi)
    if kpi.pk not in states:
        return Standing()
    state, since = states[kpi.pk]
    last = state.last
    if last is None:
        return Standing()
    return Standing(
        period_start=last.period_start,
        value=last.value,
        previous_value=state.previous_value,
        goal=last.goal,
        goal_high=last.goal_high,
        score=last.score,
        band=last.band,
        since=since,
        signal=state.signal,
        spark=state.spark,
    )


def _standing_now(kpi: Line) -> Standing:
    return Standing(
        period_start=kpi.period_start,
        value=kpi.value,
        previous_value=kpi.previous_value,
        goal=kpi.goal,
        goal_high=kpi.goal_high,
        score=kpi.score,
        band=kpi.band or "",
        since=kpi.band_since,
        signal=kpi.signal or "",
        spark=Spark(**kpi.spark) if kpi.spark else None,
    )


class Rows:
    """Makes the rows of one page; what many of them share is found and put into words once.

    A row names its period when it is not the one that starts on `shown_from`. It leads to the KPI as `known`.
    """

    def __init__(
        self,
        board: Board,
        *,
        locale: str,
        today: date,
        zone: ZoneInfo,
        shown_from: date,
        calendars: Mapping[int, Calendar],
        known: AsKnown = NOW,
    ) -> None:
        self.board, self.locale, self.today, self.shown_from = board, locale, today, shown_from
        self.zone, self.calendars = zone, calendars
        # A code is made of letters, digits and hyphens: it stands in an address as it is.
        self.before_code, _code, after = reverse("kpi", args=["CODE"]).rpartition("CODE")
        self.after_code = after + known.query
        self.signals = {"signal": _("signal"), "routine": _("routine"), "too_few": _("too few")}
        self.no_answer = answer_words(NO_ANSWER)
        self.labels: dict[tuple[date, str, int], str] = {}
        self.ages: dict[int, str] = {}

    def row_of(self, kpi: Line) -> Row:
        """Return the line of one KPI."""
        board, locale, decimals = self.board, self.locale, kpi.decimals
        standing = standing_of(kpi, board.states)
        gap = gap_to_goal(standing)
        change = None
        if standing.value is not None and standing.previous_value is not None:
            change = standing.value - standing.previous_value
        then = board.then.get(kpi.pk)
        answer = board.initiatives.get(kpi.pk, NO_ANSWER)
        fresh, is_late = self._freshness(kpi) if board.states is None else ("", False)
        period = self._label(standing.period_start, kpi)
        return Row(
            kpi=kpi,
            url=f"{self.before_code}{kpi.code}{self.after_code}",
            standing=standing,
            state="stale" if board.states is None and kpi.health in {"stale", "source_error"} and standing.band else "",
            bullet=bullet(standing.score, then[1] if then else None),
            value=number(standing.value, decimals, locale=locale),
            unit=kpi.measure_unit,
            goal=_goal(standing, decimals, locale),
            gap=signed(gap, decimals, locale=locale) if gap is not None else "",
            gap_unit=_short(delta_unit(kpi.measure_unit)) if gap is not None else "",
            change=signed(change, decimals, locale=locale) if change is not None else "",
            change_class=_change_class(change, standing.signal, kpi.polarity),
            signal=self.signals.get(standing.signal, ""),
            spark_note=_spark_note(kpi, is_past=board.states is not None) if standing.spark is None else "",
            answer=answer,
            answer_words=answer_words(answer) if answer.count else self.no_answer,
            lacks_answer=not answer.count and standing.band in {"at_risk", "off_track"},
            period=period,
            other_period=_brief(standing.period_start, period, kpi.frequency, self.shown_from),
            since=self._label(standing.since, kpi) if standing.since != standing.period_start else "",
            fresh=fresh,
            is_late=is_late,
            then_band=then[0] if then else None,
        )

    def _label(self, start: date | None, kpi: Line) -> str:
        if start is None:
            return ""
        key = (start, kpi.frequency, kpi.calendar_id)
        if key not in self.labels:
            self.labels[key] = short_label(period_of(start, kpi.frequency, self.calendars[kpi.calendar_id]))
        return self.labels[key]

    def _freshness(self, kpi: Line) -> tuple[str, bool]:
        match kpi.health:
            case None | "never":
                return _("never"), True
            case "source_error":
                return _("source failing"), True
            case "late" | "stale":
                late = kpi.days_late or 0
                return ngettext("%(days)d day late", "%(days)d days late", late) % {"days": late}, True
        days = (self.today - kpi.recorded_at.astimezone(self.zone).date()).days if kpi.recorded_at else 0
        if days not in self.ages:
            ago = ngettext("%(days)d day ago", "%(days)d days ago", days) % {"days": days}
            self.ages[days] = ago if days > 0 else _("today")
        return self.ages[days], False


def gap_to_goal(standing: Standing) -> Decimal | None:
    """Return how far the value lies from the goal; in a range from its nearer end, 0 inside."""
    if standing.value is None or standing.goal is None:
        return None
    if standing.goal_high is None:
        return standing.value - standing.goal
    if standing.goal <= standing.value <= standing.goal_high:
        return Decimal(0)
    return standing.value - (standing.goal if standing.value < standing.goal else standing.goal_high)


def answer_words(answer: Answer) -> str:
    """Say which initiatives answer a KPI, like “2 initiatives, one late”."""
    if not answer.count:
        return _("no initiative")
    words = ngettext("%(count)d initiative", "%(count)d initiatives", answer.count) % {"count": answer.count}
    if answer.late:
        words += ", " + ngettext("%(count)d late", "%(count)d late", answer.late) % {"count": answer.late}
    return words


def _brief(start: date | None, label: str, frequency: str, shown_from: date) -> str:
    """Name the period of a row that isn't the shown week, without the year where a narrow column has no room."""
    if start is None or (frequency == Kpi.Frequency.WEEK and start == shown_from):
        return ""
    return {Kpi.Frequency.DAY: short_day(start), Kpi.Frequency.MONTH: months()[start.month - 1]}.get(frequency, label)


def _short(unit: str) -> str:
    """A unit that is a whole word stands beside the value only."""
    return unit if len(unit) <= LONGEST_GAP_UNIT else ""


def _goal(standing: Standing, decimals: int, locale: str) -> str:
    if standing.goal is None:
        return ""
    if standing.goal_high is None:
        return number(standing.goal, decimals, locale=locale)
    ends = (number(end, decimals, locale=locale) for end in (standing.goal, standing.goal_high))
    return "–".join(ends)


def _change_class(change: Decimal | None, signal: str, polarity: str) -> str:
    """Colour a change by polarity, and only when it is a signal: routine moves stay grey."""
    better = is_better(change, polarity) if change is not None and signal == "signal" else None
    return "" if better is None else "better" if better else "worse"


def _spark_note(kpi: Line, *, is_past: bool) -> str:
    due = kpi.next_due_on
    if is_past:
        return _("no value yet")
    return _("first due %(day)s") % {"day": short_day(due)} if due else _("never measured")


def grouped(
    rows: Iterable[Row], board: Board, rolled: dict[int, Any] | None, *, locale: str, known: AsKnown = NOW
) -> list[PerspectiveGroup]:
    """Return the lines under their objectives and perspectives, in the order of the plan."""
    groups: list[PerspectiveGroup] = []
    perspective = objective = None
    for row in rows:
        kpi = row.kpi
        if perspective != kpi.perspective_id:
            perspective, objective = kpi.perspective_id, None
            groups.append(PerspectiveGroup(name=kpi.perspective_name))
        if objective != kpi.objective_id:
            objective = kpi.objective_id
            groups[-1].objectives.append(_objective_group(kpi, board, rolled, known, locale))
        groups[-1].objectives[-1].rows.append(row)
    return groups


def _objective_group(
    kpi: Line, board: Board, rolled: dict[int, Any] | None, known: AsKnown, locale: str
) -> ObjectiveGroup:
    states = board.objective_states if rolled is None else rolled
    state = states.get(kpi.objective_id)
    terms = ""
    if state is not None:
        of = {"with": state.with_data, "total": state.total}
        terms = _("%(with)d of %(total)d with data") % of
        if state.with_data > 1:
            worst = number(state.worst_score, 1, locale=locale)
            terms = _("worst %(score)s") % {"score": worst} + " · " + terms
    return ObjectiveGroup(
        name=kpi.objective_name,
        url=reverse("objective", args=[kpi.objective_code]) + known.query if kpi.opens_objective else "",
        owner=kpi.objective_owner_name,
        band=state.band if state else "",
        bullet=bullet(state.score if state else None),
        score=number(state.score if state else None, 1, locale=locale),
        terms=terms,
    )
