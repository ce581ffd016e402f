"""What a formula comes to in the latest periods, before it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from kpiplatform.dashboards.calculation.words import result_words, taken_words
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpis.calculations import Wanted, calculations
from kpis.dates import short_label
from kpis.domain.formula.deriving import Bounds, Outcome, derive
from kpis.domain.formula.errors import FormulaError
from kpis.domain.formula.evaluating import Missing
from kpis.domain.formula.printing import written
from kpis.domain.formula.series import Span
from kpis.domain.formula.tree import Node, codes
from kpis.domain.periods import Calendar, Period, period_of, previous_period
from kpis.domain.sparkline import sparkline
from kpis.formula_words import sentence
from kpis.models import Kpi

PERIODS = 12
FOUND = 12


def preview(
    *,
    formula: Node,
    missing: Missing,
    calendar: Calendar,
    frequency: str,
    bounds: Bounds,
    wording: Wording,
    today: date,
) -> dict[str, Any]:
    """Return the latest periods with the value of each term and of the whole, the open period last."""
    periods = list(_latest(period_of(today, frequency, calendar), calendar))[::-1]
    spans = [Span.of(period) for period in periods]
    (calculation,) = calculations([Wanted(formula=formula, missing=missing, calendar=calendar, spans=spans)])
    outcomes = [derive(calculation, span, today=today, bounds=bounds) for span in spans]
    inputs = {kpi.code: kpi for kpi in Kpi.objects.filter(code__in=codes(formula))}
    words = {code: Wording.of_kpi(kpi, locale=wording.locale, today=today) for code, kpi in inputs.items()}
    values = [outcome.value for outcome in outcomes]
    return {
        "heads": [written(term) for term in calculation.terms],
        "rows": [
            {
                "period": short_label(period),
                "terms": [taken_words(outcome.taken[term], words[term.code]) for term in calculation.terms],
                "result": result_words(outcome, wording),
                "remark": _remark(outcome),
            }
            for period, outcome in zip(periods, outcomes, strict=True)
        ],
        "spark": sparkline(values) if any(value is not None for value in values) else None,
        "count": sum(value is not None for value in values),
        "total": len(periods),
    }


def problem(error: FormulaError, text: str) -> dict[str, str]:
    """Return what is wrong, with the formula cut at the place where it is."""
    at = min(error.at, len(text))
    closing = text.find("]", at) + 1 if text[at : at + 1] == "[" else at + len(error.text)
    marked = text[at : max(closing, at + 1) if closing else len(text)] or " "
    return {"words": sentence(error), "before": text[:at], "marked": marked, "after": text[at + len(marked) :]}


def kpis_to_refer_to(among: QuerySet[Kpi], wanted: str, *, but: str = "") -> list[dict[str, str]]:
    """Return the KPIs whose code or name has what is looked for, codes that begin with it first."""
    found = among.exclude(code=but).filter(Q(code__icontains=wanted) | Q(name__icontains=wanted))
    rows = sorted(found.order_by("code")[: FOUND * 4], key=lambda kpi: not kpi.code.startswith(wanted.upper()))
    return [
        {
            "code": kpi.code,
            "name": kpi.name,
            "rhythm": kpi.get_frequency_display(),
            "unit": kpi.measure_unit or _("no unit"),
            "over_time": kpi.get_time_aggregation_display(),
        }
        for kpi in rows[:FOUND]
    ]


def _latest(period: Period, calendar: Calendar) -> Iterator[Period]:
    for _count in range(PERIODS):
        yield period
        period = previous_period(period, calendar)


def _remark(outcome: Outcome) -> str:
    if outcome.value is None:
        return ""
    return "" if outcome.is_final else _("provisional")
