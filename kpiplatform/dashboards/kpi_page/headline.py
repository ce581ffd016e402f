"""The top of the page: one sentence of facts, and the five numbers that go with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_page.facts import Facts, limits_of
from kpiplatform.dashboards.kpi_page.gap import distance
from kpiplatform.dashboards.kpi_page.timeline import (
    Cell,
    YearToDate,
    latest_closed,
    open_cell,
    year_to_date,
)
from kpiplatform.dashboards.kpi_page.wording import Wording, days, joined, sentence, why_no_band
from kpis.domain.figures import is_better
from kpis.domain.limits import RangeLimits
from kpis.domain.periods import Frequency, fiscal_year_start, previous_period
from kpis.models import Kpi
from kpis.templatetags.kpi_figures import band_name

FAILING = "source_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lede:
    """The sentence below the title; `band` is its one word in bold."""

    definition: str
    band: str
    rest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with its label and a remark; `tone` is better or worse where the change is a signal."""

    label: str
    value: str
    unit: str = ""
    remark: str = ""
    tone: str = ""
    is_big: bool = False
    band: str | None = None


def band_state(facts: Facts) -> str:
    """Return how the band's shape is drawn: hatched when the value behind it is old."""
    return "stale" if facts.state.health in {"stale", FAILING} and facts.state.band else ""


# --- the sentence -------------------------------------------------------------------------------


def lede(facts: Facts, cells: Sequence[Cell]) -> Lede:
    """Return what the KPI is, how it stands since when, and whether the last move means anything."""
    wording = Wording.of(facts)
    latest = latest_closed(cells)
    definition = sentence(facts.kpi.formula_in_words or facts.kpi.purpose)
    if latest is None or latest.row is None:
        return Lede(
            definition=definition, band="", rest=joined([_no_value_yet(facts, wording), _delay(facts, None)], " ")
        )
    state = facts.state
    words = {
        "value": wording.full(latest.shown),
        "period": wording.period(latest.period),
        "goal": _goal(latest, wording),
        "since": wording.period(facts.period(state.band_since)) if state.band_since else "",
    }
    if not latest.row.is_judged:
        standing = _("%(value)s (%(period)s), not judged yet.") % words
    elif not latest.band:
        standing = joined([_("%(value)s (%(period)s).") % words, why_no_band(latest.row.no_band_reason)], " ")
    else:
        standing = _since(words)
    return Lede(
        definition=definition,
        band=band_name(latest.band) if latest.band else "",
        rest=joined([standing, _move(facts, latest), _delay(facts, latest)], " "),
    )


def _goal(latest: Cell, wording: Wording) -> str:
    limits = limits_of(latest.row) if latest.row else None
    goal = wording.goal(limits)
    return f"{goal}\u202f{wording.unit}" if goal and wording.unit else goal


def _since(words: dict[str, str]) -> str:
    if words["since"] and words["goal"]:
        return _("since %(since)s: %(value)s against a goal of %(goal)s.") % words
    if words["goal"]:
        return _("(%(period)s): %(value)s against a goal of %(goal)s.") % words
    return _("(%(period)s): %(value)s.") % words


def _move(facts: Facts, latest: Cell) -> str:
    if latest.period.start != facts.state.period_start:
        return ""
    return {
        "signal": _("The value is a signal, not routine variation."),
        "routine": _("The move is inside the routine range."),
        "too_few": _("There are too few values to tell a signal from routine."),
    }.get(facts.state.signal, "")


def _no_value_yet(facts: Facts, wording: Wording) -> str:
    due_on = facts.state.next_due_on
    if due_on:
        says = _("No value yet; the first is due by %(day)s.")
        return (says if due_on >= facts.today else _("No value yet; the first was due by %(day)s.")) % {
            "day": wording.day(due_on)
        }
    return _("No value yet.")


def _delay(facts: Facts, latest: Cell | None) -> str:
    """Say how late a value is; where a later one is there already, that it is missing since when."""
    state = facts.state
    if state.health == FAILING:
        return ""  # the source's own line says since when
    if state.health in {"late", "stale"} and state.days_late:
        if latest is not None and state.next_due_on is not None and latest.period.last_day > state.next_due_on:
            return _("An earlier value is missing: it was due by %(day)s.") % {
                "day": Wording.of(facts).day(state.next_due_on)
            }
        return _("The next value is %(days)s late.") % {"days": days(state.days_late)}
    return ""


# --- the numbers --------------------------------------------------------------------------------


def headline(facts: Facts, cells: Sequence[Cell]) -> list[Figure]:
    """Return the latest final value, its distances, the year to date and the open period; none without values."""
    return list(_figures(facts, cells))


def _figures(facts: Facts, cells: Sequence[Cell]) -> Iterator[Figure]:
    wording = Wording.of(facts)
    latest, running = latest_closed(cells), open_cell(cells)
    if latest is not None:
        yield Figure(
            label=wording.dated_period(latest.period),
            value=wording.bare(latest.shown),
            unit=wording.unit,
            is_big=True,
        )
        yield from _against_goal(latest, wording)
        yield _against_previous(facts, cells, latest, wording)
    total = year_to_date(cells, facts)
    if total is not None:
        yield _year_to_date(facts, cells, total, wording)
    if running is not None:
        yield Figure(
            label=_("%(period)s so far") % {"period": wording.period(running.period)},
            value=wording.full(running.shown),
            remark=_so_far(facts, running),
            band=running.band,
        )


def _against_goal(latest: Cell, wording: Wording) -> Iterator[Figure]:
    limits = limits_of(latest.row) if latest.row else None
    gap = distance(latest.shown, limits)
    if limits is None or gap is None:
        return
    inside = isinstance(limits, RangeLimits) and gap == 0
    yield Figure(
        label=_("vs goal %(goal)s") % {"goal": wording.goal(limits)},
        value=_("inside") if inside else wording.change(gap),
        remark=_("red flag %(red_flag)s") % {"red_flag": wording.red_flag(limits)},
    )


def _against_previous(facts: Facts, cells: Sequence[Cell], latest: Cell, wording: Wording) -> Figure:
    before = previous_period(latest.period, facts.calendar)
    previous = next((cell.value for cell in cells if cell.period == before), None)
    label = _("vs %(period)s") % {"period": wording.period(before)}
    if previous is None or latest.value is None:
        return Figure(label=label, value=wording.bare(None), remark=_("no value then"))
    if facts.broke_between(before.start, latest.period.start):
        return Figure(label=label, value=wording.bare(None), remark=_("not comparable: the definition changed"))
    change = latest.value - previous
    signal = facts.state.signal if facts.state.period_start == latest.period.start else ""
    return Figure(
        label=label,
        value=wording.change(change),
        remark={"signal": _("signal"), "routine": _("routine"), "too_few": _("too few to tell")}.get(signal, ""),
        tone=_tone(change, facts.kpi.polarity) if signal == "signal" else "",
    )


def _tone(change: Decimal, polarity: str) -> str:
    better = is_better(change, polarity)
    if better is None:
        return ""
    return "better" if better else "worse"


def _year_to_date(facts: Facts, cells: Sequence[Cell], ytd: YearToDate, wording: Wording) -> Figure:
    total = ytd.total
    label = _("Year to date")
    if total.reason == "no_rollup":
        return Figure(label=label, value=_("no roll-up"), remark=_("not comparable over time"))
    if facts.kpi.time_aggregation == Kpi.Aggregation.COUNT:
        value = wording.count(total.value)
    else:
        value = wording.full(total.value)
    if total.complete:
        remark = _("%(periods)s, to %(day)s") % {
            "periods": wording.periods(total.due),
            "day": wording.day(ytd.through),
        }
    else:
        remark = _("only %(present)s of %(periods)s") % {
            "present": total.present,
            "periods": wording.periods(total.due),
        }
    broke = facts.broke_between(fiscal_year_start(facts.today, facts.calendar), ytd.through)
    doubts = [_("provisional") if ytd.is_provisional else "", _("across a change of definition") if broke else ""]
    return Figure(label=label, value=value, remark=joined([remark, *doubts], "; "))


def _so_far(facts: Facts, running: Cell) -> str:
    passed = (min(facts.today, running.period.end) - running.period.start).days
    if running.period.frequency is Frequency.DAY or passed <= 0:
        return _("provisional")
    return _("provisional, %(days)s") % {"days": days(passed) if passed < 14 else f"{passed} d"}
