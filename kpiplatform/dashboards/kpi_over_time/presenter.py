"""All that the page prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.kpi_over_time.choice import (
    LAST_YEAR,
    MOST,
    ROLLING,
    TO_DATE,
    Choice,
    frequency_links,
    line_links,
)
from kpiplatform.dashboards.kpi_over_time.grading import Grades, graded
from kpiplatform.dashboards.kpi_over_time.reading import due_parts, spans_of, values_of_units
from kpiplatform.dashboards.kpi_over_time.units import span_of_units, units
from kpiplatform.dashboards.kpi_page.facts import Facts
from kpiplatform.dashboards.kpi_page.wording import Wording, joined
from kpis import charts
from kpis.dates import span_label
from kpis.domain.aggregation import Aggregate
from kpis.domain.figures import MISSING, delta_unit, with_unit
from kpis.domain.over_time import ADDED_UP, Difference, Span, Uncompared
from kpis.models import Kpi


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """One period, ready to print; `units_url` leads to its units below."""

    units_url: str
    period: str
    dates: str
    value: str
    grade: str
    coverage: str
    is_partial: bool
    previous: str
    last_year: str
    to_date: str
    to_date_grade: str
    rolling: str
    rolling_grade: str
    remark: str
    css: str


def over_time(facts: Facts, choice: Choice) -> dict[str, Any]:
    """Return the context of the page."""
    wording = replace(Wording.of(facts), frequency=choice.frequency)
    parts = due_parts(facts)
    found = spans_of(facts, parts, frequency=choice.frequency, rolling=choice.rolls)
    shown = found if choice.everything else found[-MOST:]
    span = span_of_units(found, choice)
    of_units = values_of_units(facts, parts, span) if span is not None and facts.below else {}
    starts = {kpi_id: its.starts for kpi_id, its in of_units.items()}
    grades = graded(facts, parts, found, [*shown, *([span] if span else [])], starts, rolls=choice.rolls)
    words = _Words(facts, wording, choice, grades)
    unit = delta_unit(wording.unit)
    return {
        "kpi": facts.kpi,
        "choice": choice,
        "frequencies": frequency_links(choice, facts.kpi.frequency),
        "lines": line_links(choice),
        "rolls_up": _rolls_up(facts) or facts.kpi.frequency == choice.frequency,
        "how": _how(facts),
        "heads": {
            "period": wording.period_noun(),
            "value": wording.unit or _("value"),
            "previous": _("vs before, %(unit)s") % {"unit": unit} if unit else _("vs before"),
            "last_year": _("vs last year, %(unit)s") % {"unit": unit} if unit else _("vs last year"),
            "rolling": _("rolling %(count)d") % {"count": choice.rolls},
        },
        "rows": [words.row(span) for span in reversed(shown)],
        "has_dates": choice.frequency != "day",
        "all_url": "" if len(shown) == len(found) else replace(choice, everything=True).url,
        "figure": _figure(facts, wording, shown, choice, words),
        "figure_label": _("%(name)s by %(period)s")
        % {
            "name": facts.kpi.name,
            "period": wording.period_noun().lower(),
        },
        "has_values": any(span.total.value is not None for span in shown),
        "is_unweighted": facts.kpi.time_aggregation == Kpi.Aggregation.WEIGHTED_AVERAGE
        and any(row.value is not None for row in facts.rows),
        "line_name": next((link.label for link in line_links(choice) if link.current), ""),
        "latest": words.latest(found),
        "units": units(facts, span, of_units, grades, wording),
    }


def _rolls_up(facts: Facts) -> bool:
    return facts.by_formula is not None or facts.kpi.time_aggregation not in {"none", "formula"}


def _how(facts: Facts) -> str:
    """Say how a longer period is made."""
    weeks = _("A week counts in the period that holds its last day.") if facts.kpi.frequency == "week" else ""
    ways = {
        "sum": _("Longer periods are the sum of the values in them."),
        "count": _("Longer periods count the values in them."),
        "average": _("Longer periods are the mean of the values in them."),
        "weighted_average": _("Longer periods are the mean of the values in them, each with its weight."),
        "last": _("Longer periods have the last value in them."),
        "first": _("Longer periods have the first value in them."),
        "min": _("Longer periods have the smallest value in them."),
        "max": _("Longer periods have the largest value in them."),
        "median": _("Longer periods have the median of the values in them."),
        "ratio_of_sums": _(
            "Longer periods divide the sums of numerators and denominators; percentages aren't averaged."
        ),
        "compounded": _("Longer periods compound the rates in them."),
        "formula": _("Longer periods roll up the inputs first and then compute the formula."),
        "none": _("This figure has no roll-up: percentiles and distinct counts of parts say nothing about the whole."),
    }
    return joined([ways[facts.kpi.time_aggregation], weeks], " ")


class _Words:
    """Figures and differences in words, for one reader."""

    def __init__(self, facts: Facts, wording: Wording, choice: Choice, grades: Grades) -> None:
        self.facts, self.wording, self.choice, self.grades = facts, wording, choice, grades
        self.is_added_up = facts.kpi.time_aggregation in ADDED_UP

    def row(self, span: Span) -> PeriodRow:
        partial = self.is_partial(span.total, is_over=span.is_over)
        return PeriodRow(
            units_url=f"{replace(self.choice, at=span.period.key).url}#units" if self.facts.below else "",
            period=self.wording.period(span.period),
            dates=span_label(span.period),
            value=self.wording.bare(span.total.value),
            grade=self.grades.of(span),
            coverage=self.coverage(span),
            is_partial=partial,
            previous=self.difference(span.previous),
            last_year=self.difference(span.last_year),
            to_date=self.aggregate(span.to_date),
            to_date_grade=self.grades.of(span, TO_DATE),
            rolling=self.aggregate(span.rolling) if span.rolling else MISSING,
            rolling_grade=self.grades.of(span, ROLLING),
            remark=joined(
                [
                    "" if span.is_over else _("still running"),
                    _("partial sum") if partial and span.is_over else "",
                    self.definitions(span),
                    self.lengths(span),
                ],
                ", ",
            ),
            css="" if span.is_over else "is-provisional",
        )

    def definitions(self, span: Span) -> str:
        if span.mixes_definitions:
            return _("the definition changed in it")
        return _("year to date across a change of definition") if span.year_mixes_definitions else ""

    def lengths(self, span: Span) -> str:
        """Say that a sum is compared with one of more or fewer values, as after a year of 53 weeks."""
        due, then = span.total.due, span.last_year.other_due
        if not self.is_added_up or span.last_year.change is None or due == then:
            return ""
        return _("%(periods)s, %(then)d last year") % {"periods": Wording.of(self.facts).periods(due), "then": then}

    def is_partial(self, total: Aggregate, *, is_over: bool) -> bool:
        """Whether a sum stands for less than its period."""
        return self.is_added_up and total.value is not None and not (total.complete and is_over)

    def coverage(self, span: Span) -> str:
        counts = {"present": span.total.present, "due": span.total.due}
        if not span.total.due:
            return ""
        return (_("%(present)d of %(due)d") if span.is_over else _("%(present)d of %(due)d so far")) % counts

    def aggregate(self, total: Aggregate) -> str:
        if total.value is None:
            return MISSING
        words = self.wording.bare(total.value)
        if total.complete:
            return words
        return _("%(value)s (%(present)d of %(due)d)") % {
            "value": words,
            "present": total.present,
            "due": total.due,
        }

    def difference(self, difference: Difference) -> str:
        if difference.change is not None:
            return self.wording.bare_change(difference.change)
        return {
            Uncompared.NO_SUCH_PERIOD: _("no such period"),
            Uncompared.INCOMPLETE: _("incomplete"),
            Uncompared.OTHER_DEFINITION: _("other definition"),
        }.get(difference.why_none, MISSING)

    def _in_brackets(self, span: Span) -> str:
        lengths = self.lengths(span)
        return f"({lengths})" if lengths else ""

    def latest(self, found: Sequence[Span]) -> str:
        """Say the latest whole period in a sentence, with its coverage and what it compares with."""
        span = next((one for one in reversed(found) if one.is_over and one.total.value is not None), None)
        if span is None:
            return ""
        wording = self.wording
        said = _("%(period)s: %(value)s") % {
            "period": wording.dated_period(span.period),
            "value": wording.full(span.total.value),
        }
        if not span.total.complete:
            counts = {"present": span.total.present, "due": span.total.due}
            said += (
                " "
                + ngettext("from %(present)d of %(due)d value", "from %(present)d of %(due)d values", span.total.due)
                % counts
            )
        compared = [
            f"{wording.change(difference.change)} {words}"
            for difference, words in (
                (span.previous, _("against the period before")),
                (span.last_year, joined([_("against the same period last year"), self._in_brackets(span)], " ")),
            )
            if difference.change is not None
        ]
        to_date = (
            _("the year to date stands at %(value)s")
            % {"value": with_unit(wording.bare(span.to_date.value), wording.unit)}
            if span.to_date.value is not None
            else ""
        )
        return joined([said, *compared, to_date], ", ") + "."


def _figure(facts: Facts, wording: Wording, shown: Sequence[Span], choice: Choice, words: _Words) -> dict[str, Any]:
    points = [
        charts.Point(
            start=span.period.start,
            end=span.period.end,
            value=span.total.value,
            label=wording.period(span.period),
            text=wording.bare(span.total.value),
            provisional=not span.is_over,
            hover=tuple(
                part
                for part in (
                    wording.dated_period(span.period),
                    wording.full(span.total.value),
                    words.coverage(span),
                )
                if part
            ),
        )
        for span in shown
    ]
    scale = charts.Scale(unit=wording.unit, decimals=wording.decimals, locale=wording.locale)
    breaks = [version.effective_from for version in facts.versions if version.breaks_series]
    return charts.values_figure(
        points=points,
        spans=[],
        polarity=facts.kpi.polarity,
        scale=scale,
        breaks=breaks,
        compared=_line(shown, choice, wording),
    )


def _line(shown: Sequence[Span], choice: Choice, wording: Wording) -> charts.Path | None:
    if not choice.line:
        return None
    drawn = []
    for span in shown:
        if choice.line == LAST_YEAR:
            change, value = span.last_year.change, span.total.value
            number = value - change if value is not None and change is not None else None
        else:
            total = span.to_date if choice.line == TO_DATE else span.rolling
            number = total.value if total else None
        if number is not None:
            drawn.append((span.period.start + (span.period.end - span.period.start) / 2, number))
    names = {LAST_YEAR: _("last year"), TO_DATE: _("to date")}
    text = names.get(choice.line) or _("rolling %(count)d") % {"count": choice.rolls}
    return charts.Path(points=drawn, text=f"{text} {wording.bare(drawn[-1][1])}" if drawn else text)
