"""The chart of the page: which points, limits, promises and notes it shows, and its sentence for those who hear it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from initiatives.domain.promise import path
from kpiplatform.dashboards.kpi_page.choice import NATURAL
from kpiplatform.dashboards.kpi_page.facts import Facts, Promise, Remark, limits_of
from kpiplatform.dashboards.kpi_page.timeline import Cell, Standing, latest_closed
from kpiplatform.dashboards.kpi_page.wording import Wording, joined
from kpis import charts
from kpis.domain.confidence import Confidence
from kpis.domain.figures import with_unit
from kpis.domain.limits import AnyLimits, Limits, RangeLimits, in_force, limits_for
from kpis.domain.periods import EN_DASH, periods_between
from kpis.domain.state import comparable_since
from kpis.domain.xmr import NaturalLimits, natural_limits, signals
from kpis.services.stating import LOOK_BACK
from kpis.templatetags.kpi_figures import band_name

EFFECTIVE = {"approved", "running", "done"}
DAY = timedelta(days=1)
AHEAD = 4  # the chart reaches into the future by a quarter of what it shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A numbered remark: an annotation, or the day on which the definition changed."""

    number: int
    start: date
    end: date
    label: str
    text: str
    by: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Natural:
    """What an XmR chart says in words."""

    basis: str
    limits: str
    is_provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """The figure for charts.js and the words around it."""

    figure: dict[str, Any]
    label: str
    expected_name: str
    notes: Sequence[Note]
    natural: Natural | None


def all_notes(facts: Facts, wording: Wording) -> list[Note]:
    """Return every remark on the KPI, numbered by time, so that a number means the same in every span."""
    found = [
        (remark.start, remark.end, remark.text, remark.author.name, _change_url(remark, facts))
        for remark in facts.remarks
    ]
    found += [
        (version.effective_from, version.effective_from + DAY, _definition_changed(version.reason), "", "")
        for version in facts.versions
        if version.breaks_series
    ]
    return [
        Note(
            number=index,
            start=start,
            end=end,
            label=_label(start, end, facts, wording),
            text=text,
            by=by,
            url=url,
        )
        for index, (start, end, text, by, url) in enumerate(sorted(found), start=1)
    ]


def _change_url(remark: Remark, facts: Facts) -> str:
    if not facts.may_change(remark):
        return ""
    return reverse("kpis:annotation", args=[facts.kpi.code, remark.pk])


def notes_within(notes: Iterable[Note], start: date, end: date) -> list[Note]:
    """Return the notes on at least one day of the span."""
    return [note for note in notes if note.start < end and start < note.end]


def chart(*, facts: Facts, cells: Sequence[Cell], shown: Sequence[Cell], view: str, notes: Sequence[Note]) -> ChartView:
    """Return the chart of the `shown` periods; `cells` are all, from which limits and promises start."""
    wording = Wording.of(facts)
    visible = notes_within(notes, shown[0].period.start, shown[-1].period.end) if shown else []
    scale = charts.Scale(
        unit=facts.kpi.measure_unit,
        decimals=facts.kpi.decimals,
        locale=facts.locale,
        minimum=facts.kpi.minimum,
        maximum=facts.kpi.maximum,
    )
    markers = [charts.Marker(number=note.number, day=note.start) for note in visible]
    judgements = _Judgements(wording, facts.confidence)
    name, natural = "", None
    if view == NATURAL:
        baseline, outliers, natural = _baseline(cells, facts, wording)
        figure = charts.natural_figure(
            points=[
                _point(cell, cell.value, visible, judgements, signal=cell.period.start in outliers) for cell in shown
            ],
            baselines=baseline,
            scale=scale,
            markers=markers,
            breaks=facts.breaks,
        )
    else:
        expected, name = _expected(facts, cells, shown)
        figure = charts.values_figure(
            points=[_point(cell, cell.shown, visible, judgements) for cell in shown],
            spans=_spans(facts, shown, expected),
            polarity=facts.kpi.polarity,
            scale=scale,
            markers=markers,
            breaks=facts.breaks,
            expected=expected,
        )
    return ChartView(
        figure=figure, label=_sentence(facts, shown, wording), expected_name=name, notes=visible, natural=natural
    )


def _label(start: date, end: date, facts: Facts, wording: Wording) -> str:
    first, last = facts.period(start), facts.period(end - DAY)
    if first == last:
        return wording.period(first)
    return f"{wording.period(first)}{EN_DASH}{wording.period(last)}"


def _definition_changed(reason: str) -> str:
    return joined([_("Definition changed: values before and after do not compare."), reason], " ")


def _point(
    cell: Cell, value: Decimal | None, notes: Sequence[Note], judgements: _Judgements, *, signal: bool = False
) -> charts.Point:
    period, wording = cell.period, judgements.wording
    name, dated = wording.names(period)
    text = wording.bare(value)
    said = [
        dated,
        with_unit(text, wording.unit),
        judgements.of(cell) if cell.band else "",
        judgements.parts_of(cell),
        judgements.signal if signal else "",
        judgements.confidence_in(cell),
    ]
    if notes:
        said += [f"{note.number}. {note.text}" for note in notes_within(notes, period.start, period.end)]
    return charts.Point(
        start=period.start,
        end=period.end,
        value=value,
        label=name,
        text=text,
        band=cell.band,
        provisional=cell.standing is Standing.PROVISIONAL,
        signal=signal,
        hover=tuple(filter(None, said)),
    )


class _Judgements:
    """What is said of each point besides its value; what is alike is put into words once."""

    def __init__(self, wording: Wording, confidence: Mapping[date, Confidence]) -> None:
        self.wording = wording
        self.confidence = confidence
        self.words: dict[tuple[object, ...], str] = {}
        self.part_of_whole = _("%(part)s of %(whole)s")
        self.signal = _("Signal: not routine")
        self.graded = _("Data confidence %(grade)s")

    def of(self, cell: Cell) -> str:
        if cell.row is None:
            return ""
        key = (cell.band, cell.standing, cell.row.goal, cell.row.goal_high)
        if key not in self.words:
            provisional = "provisional" if cell.standing is Standing.PROVISIONAL else ""
            goal = self.wording.goal(limits_of(cell.row))
            aim = _("goal %(goal)s") % {"goal": goal} if goal else ""
            self.words[key] = joined([band_name(cell.band, provisional), aim], ", ")
        return self.words[key]

    def confidence_in(self, cell: Cell) -> str:
        """Return the grade of a value, of those that are graded on the page."""
        its = self.confidence.get(cell.period.start)
        return self.graded % {"grade": its.grade} if its and cell.value is not None else ""

    def parts_of(self, cell: Cell) -> str:
        if cell.row is None or cell.row.numerator is None:
            return ""
        count = self.wording.count
        return self.part_of_whole % {"part": count(cell.row.numerator), "whole": count(cell.row.denominator)}


# --- limits and promises ------------------------------------------------------------------------


def _spans(facts: Facts, shown: Sequence[Cell], expected: charts.Path | None) -> list[charts.LimitSpan]:
    spans = [_span_of(cell, facts) for cell in shown]
    if expected is not None and expected.points and shown:
        ahead = periods_between(shown[-1].period.end, expected.points[-1][0], facts.kpi.frequency, facts.calendar)
        spans += [_span(period.start, period.end, limits_in_force(facts, period.start)) for period in ahead]
    return spans


def _span_of(cell: Cell, facts: Facts) -> charts.LimitSpan:
    start, end, row = cell.period.start, cell.period.end, cell.row
    if row is None or not row.is_judged:
        return _span(start, end, limits_in_force(facts, start))
    return charts.LimitSpan(
        start=start,
        end=end,
        goal=row.goal,
        red_flag=row.red_flag,
        goal_high=row.goal_high,
        red_high=row.red_high,
    )


def limits_in_force(facts: Facts, start: date) -> AnyLimits | None:
    """Return the limits of a period that has no value yet; those of a sum to date are known only with it."""
    if facts.kpi.is_cumulative:
        return None
    target, thresholds = in_force(facts.rules.targets, start), in_force(facts.rules.thresholds, start)
    return limits_for(facts.kpi.polarity, target, thresholds)[0]


def _span(start: date, end: date, limits: AnyLimits | None) -> charts.LimitSpan:
    if isinstance(limits, Limits):
        return charts.LimitSpan(start=start, end=end, goal=limits.goal, red_flag=limits.red_flag)
    if isinstance(limits, RangeLimits):
        return charts.LimitSpan(
            start=start,
            end=end,
            goal=limits.goal_low,
            red_flag=limits.red_low,
            goal_high=limits.goal_high,
            red_high=limits.red_high,
        )
    return charts.LimitSpan(start=start, end=end)


def _expected(facts: Facts, cells: Sequence[Cell], shown: Sequence[Cell]) -> tuple[charts.Path | None, str]:
    active = [promise for promise in facts.promises if promise.status in EFFECTIVE]
    base = value_before(cells, min((promise.starts_on for promise in active), default=None))
    if base is None or not shown or facts.kpi.is_cumulative:
        return None, ""
    since, last = shown[0].period.start, shown[-1].period.end
    reach = last + (last - since) // AHEAD
    until = max(last, min(reach, max(promise.full_effect_on for promise in active)))
    points = path(active, base=base, since=since, until=until)
    if not points:
        return None, ""
    return charts.Path(points=points, text=_("expected path")), _name(active)


def _name(active: Sequence[Promise]) -> str:
    if len(active) == 1:
        return active[0].name
    return ngettext("%(count)d initiative", "%(count)d initiatives", len(active)) % {"count": len(active)}


def value_before(cells: Sequence[Cell], day: date | None) -> Decimal | None:
    """Return the last final value of the periods that were over on `day`."""
    if day is None:
        return None
    before = latest_closed([cell for cell in cells if cell.period.end <= day])
    return before.value if before else None


# --- natural limits -----------------------------------------------------------------------------


def _baseline(
    cells: Sequence[Cell], facts: Facts, wording: Wording
) -> tuple[list[charts.Baseline], set[date], Natural | None]:
    """Return the limits that the latest value is judged by, and the signals among the values they come from.

    The same values as in the KPI's state: what is routine in the sentence is routine on the chart.
    """
    latest = [cell for cell in cells if cell.row is not None][-(LOOK_BACK + 1) :]
    closed = [cell for cell in latest if cell.is_closed and cell.value is not None]
    since = comparable_since(facts.breaks, closed[-1].period.start) if closed else date.min
    closed = [cell for cell in closed if cell.period.start >= since]
    values = [cell.value for cell in closed if cell.value is not None]
    limits = natural_limits(values[:-1])
    if limits is None:
        return [], set(), None
    baseline = charts.Baseline(start=closed[0].period.start, end=cells[-1].period.end, limits=limits)
    outliers = {closed[signal.index].period.start for signal in signals(values, limits)}
    return [baseline], outliers, _in_words(limits, closed, wording, restarted=since > date.min)


def _in_words(limits: NaturalLimits, closed: Sequence[Cell], wording: Wording, *, restarted: bool) -> Natural:
    figures = {
        "centre": wording.full(limits.centre),
        "lower": wording.bare(limits.lower),
        "upper": wording.full(limits.upper),
        "move": wording.distance(limits.range_limit),
    }
    basis = {"periods": wording.periods(limits.points), "latest": wording.period(closed[-1].period)}
    told = _("From the %(periods)s before %(latest)s.") % basis
    if restarted:
        told = _("From the %(periods)s before %(latest)s, since the definition changed.") % basis
    return Natural(
        basis=told,
        limits=_("Mean %(centre)s, natural limits %(lower)s to %(upper)s, largest routine move %(move)s.") % figures,
        is_provisional=limits.provisional,
    )


def _sentence(facts: Facts, shown: Sequence[Cell], wording: Wording) -> str:
    latest = latest_closed(shown)
    if latest is None:
        return facts.kpi.name
    goal = wording.goal(limits_of(latest.row)) if latest.row else ""
    words = {
        "name": facts.kpi.name,
        "first": wording.period(shown[0].period),
        "last": wording.period(shown[-1].period),
        "value": wording.full(latest.shown),
        "period": wording.period(latest.period),
        "goal": goal,
    }
    if goal:
        return _("%(name)s, %(first)s to %(last)s: %(value)s in %(period)s, goal %(goal)s") % words
    return _("%(name)s, %(first)s to %(last)s: %(value)s in %(period)s") % words
