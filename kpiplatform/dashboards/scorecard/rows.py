"""The lines of the scorecard, with every figure ready to print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.scorecard.queries import Answer, Board
from kpis.domain.bullet import Bullet, bullet
from kpis.domain.figures import MONTHS, delta_unit, is_better, number, short_day, signed
from kpis.domain.periods import Calendar, period_of, short_label
from kpis.domain.sparkline import Spark
from kpis.domain.state import State
from kpis.models import Kpi

LONGEST_GAP_UNIT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a KPI stands at the chosen time, from the stored state or from what was known then."""

    period_start: date | None = None
    value: Decimal | None = None
    previous_value: Decimal | None = None
    goal: Decimal | None = None
    goal_high: Decimal | None = None
    score: Decimal | None = None
    band: str = ""
    why_no_band: str = ""
    since: date | None = None
    signal: str = ""
    spark: Spark | None = None
    is_provisional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One KPI."""

    kpi: Kpi
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
    spark: Spark | None
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


@dataclass(slots=True, kw_only=True)
class ObjectiveGroup:
    """One objective with its KPIs."""

    name: str
    owner: Any
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


def standing_of(kpi: Kpi, states: dict[int, tuple[State, date]] | None) -> Standing:
    """Return how the KPI stands: by its state row, or by the state as it was known."""
    if states is None:
        return _standing_now(kpi)
    if kpi.pk not in states:
        return Standing()
    state, since = states[kpi.pk]
    last = state.last
    if last is None:
        return Standing(why_no_band=state.no_band_reason)
    return Standing(
        period_start=last.period_start,
        value=last.value,
        previous_value=state.previous_value,
        goal=last.goal,
        goal_high=last.goal_high,
        score=last.score,
        band=last.band,
        why_no_band=last.no_band_reason,
        since=since,
        signal=state.signal,
        spark=state.spark,
    )


def _standing_now(kpi: Kpi) -> Standing:
    row = getattr(kpi, "state", None)
    if row is None:
        return Standing()
    return Standing(
        period_start=row.period_start,
        value=row.value,
        previous_value=row.previous_value,
        goal=row.goal,
        goal_high=row.goal_high,
        score=row.score,
        band=row.band,
        why_no_band=row.no_band_reason,
        since=row.band_since,
        signal=row.signal,
        spark=Spark(**row.spark) if row.spark else None,
    )


def row_of(kpi: Kpi, board: Board, *, locale: str, today: date, shown_from: date, calendar: Calendar) -> Row:
    """Return the line of one KPI; its period is named when it is not the one that starts on `shown_from`."""
    standing = standing_of(kpi, board.states)
    gap = gap_to_goal(standing)
    change = None
    if standing.value is not None and standing.previous_value is not None:
        change = standing.value - standing.previous_value
    then = board.then.get(kpi.pk)
    answer = board.initiatives.get(kpi.pk, Answer())
    fresh, is_late = _freshness(kpi, today) if board.states is None else ("", False)
    period = since = ""
    if standing.period_start is not None:
        period = short_label(period_of(standing.period_start, kpi.frequency, calendar))
    if standing.since is not None and standing.since != standing.period_start:
        since = short_label(period_of(standing.since, kpi.frequency, calendar))
    return Row(
        kpi=kpi,
        url=reverse("kpi", args=[kpi.code]),
        standing=standing,
        state="stale" if board.states is None and _health(kpi) in {"stale", "source_error"} and standing.band else "",
        bullet=bullet(standing.score, then[1] if then else None),
        value=number(standing.value, kpi.decimals, locale=locale),
        unit=kpi.measure_unit,
        goal=_goal(standing, kpi, locale),
        gap=signed(gap, kpi.decimals, locale=locale) if gap is not None else "",
        gap_unit=_short(delta_unit(kpi.measure_unit)) if gap is not None else "",
        change=signed(change, kpi.decimals, locale=locale) if change is not None else "",
        change_class=_change_class(change, standing.signal, kpi.polarity),
        signal={"signal": _("signal"), "routine": _("routine"), "too_few": _("too few")}.get(standing.signal, ""),
        spark=standing.spark,
        spark_note=_spark_note(kpi) if standing.spark is None else "",
        answer=answer,
        answer_words=answer_words(answer),
        lacks_answer=not answer.count and standing.band in {"at_risk", "off_track"},
        period=period,
        other_period=_brief(standing.period_start, period, kpi.frequency, shown_from),
        since=since,
        fresh=fresh,
        is_late=is_late,
        then_band=then[0] if then else None,
    )


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
    return {Kpi.Frequency.DAY: short_day(start), Kpi.Frequency.MONTH: MONTHS[start.month - 1]}.get(frequency, label)


def _short(unit: str) -> str:
    """A unit that is a whole word stands beside the value only."""
    return unit if len(unit) <= LONGEST_GAP_UNIT else ""


def _goal(standing: Standing, kpi: Kpi, locale: str) -> str:
    if standing.goal is None:
        return ""
    if standing.goal_high is None:
        return number(standing.goal, kpi.decimals, locale=locale)
    ends = (number(end, kpi.decimals, locale=locale) for end in (standing.goal, standing.goal_high))
    return "–".join(ends)


def _change_class(change: Decimal | None, signal: str, polarity: str) -> str:
    """Colour a change by polarity, and only when it is a signal: routine moves stay grey."""
    better = is_better(change, polarity) if change is not None and signal == "signal" else None
    return "" if better is None else "better" if better else "worse"


def _health(kpi: Kpi) -> str:
    state = getattr(kpi, "state", None)
    return state.health if state else "never"


def _spark_note(kpi: Kpi) -> str:
    due = getattr(getattr(kpi, "state", None), "next_due_on", None)
    return _("first due %(day)s") % {"day": short_day(due)} if due else _("never measured")


def _freshness(kpi: Kpi, today: date) -> tuple[str, bool]:
    state = getattr(kpi, "state", None)
    match _health(kpi):
        case "never":
            return _("never"), True
        case "source_error":
            return _("source failing"), True
        case "late" | "stale":
            days = state.days_late
            return ngettext("%(days)d day late", "%(days)d days late", days) % {"days": days}, True
    days = (today - state.recorded_at.date()).days if state.recorded_at else 0
    if days <= 0:
        return _("today"), False
    return (ngettext("%(days)d day ago", "%(days)d days ago", days) % {"days": days}), False


def grouped(rows: Iterable[Row], board: Board, rolled: dict[int, Any] | None, *, locale: str) -> list[PerspectiveGroup]:
    """Return the lines under their objectives and perspectives, in the order of the plan."""
    groups: list[PerspectiveGroup] = []
    perspective = objective = None
    for row in rows:
        its = row.kpi.objective
        if perspective != its.perspective_id:
            perspective, objective = its.perspective_id, None
            groups.append(PerspectiveGroup(name=its.perspective.name))
        if objective != its.pk:
            objective = its.pk
            groups[-1].objectives.append(_objective_group(its, board, rolled, locale))
        groups[-1].objectives[-1].rows.append(row)
    return groups


def _objective_group(objective: Any, board: Board, rolled: dict[int, Any] | None, locale: str) -> ObjectiveGroup:
    state = board.objective_states.get(objective.pk) if rolled is None else rolled.get(objective.pk)
    terms = ""
    if state is not None:
        of = {"with": state.with_data, "total": state.total}
        terms = _("%(with)d of %(total)d with data") % of
        if state.with_data > 1:
            worst = number(state.worst_score, 1, locale=locale)
            terms = _("worst %(score)s") % {"score": worst} + " · " + terms
    return ObjectiveGroup(
        name=objective.name,
        owner=objective.owner,
        band=state.band if state else "",
        bullet=bullet(state.score if state else None),
        score=number(state.score if state else None, 1, locale=locale),
        terms=terms,
    )
