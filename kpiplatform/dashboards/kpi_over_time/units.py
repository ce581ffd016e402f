"""The units below in one period: each one's value, and all together, by the KPI's aggregation over units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.kpi_over_time.choice import Choice
from kpiplatform.dashboards.kpi_over_time.grading import Grades
from kpiplatform.dashboards.kpi_over_time.reading import OfUnit
from kpiplatform.dashboards.kpi_page.facts import Facts
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpis.domain.aggregation import Aggregate, Value, aggregate
from kpis.domain.figures import MISSING
from kpis.domain.over_time import Span

NO_ROLLUP = {"none", "formula"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """One unit, ready to print."""

    code: str
    unit: str
    value: str
    grade: str
    coverage: str
    parts: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTable:
    """The units in one period; `together` is "" where units do not roll up."""

    title: str
    how: str
    part_heads: tuple[str, str] | None
    rows: Sequence[UnitRow]
    together: str
    together_grade: str
    together_parts: tuple[str, str] | None
    coverage: str
    hidden: str
    whole: str
    whole_grade: str
    gap: str


def units(
    facts: Facts, span: Span | None, by_kpi: Mapping[int, OfUnit], grades: Grades, wording: Wording
) -> UnitTable | None:
    """Return the units in a period; None where the KPI has no parts."""
    if span is None or not by_kpi:
        return None
    totals = [by_kpi[other.pk].total for other in facts.below]
    method = facts.kpi.unit_aggregation
    hidden = [None] * facts.below_hidden  # what one may not open is missing from what the units come to together
    together = aggregate([*(_value(total) for total in totals), *hidden], method, facts.kpi.ratio_factor)
    is_ratio = any(total.denominator is not None for total in totals)
    gap = ""
    if together.value is not None and span.total.value is not None:
        gap = wording.change(together.value - span.total.value)
    return UnitTable(
        title=_("Units in %(period)s") % {"period": wording.dated_period(span.period)},
        how=_how(facts),
        part_heads=(
            (facts.kpi.numerator_label or _("numerator"), facts.kpi.denominator_label or _("denominator"))
            if is_ratio
            else None
        ),
        rows=[
            UnitRow(
                code=other.code,
                unit=other.unit_name,
                value=wording.bare(total.value),
                grade=grades.of_unit(other.pk),
                coverage=_("its calendar has other periods")
                if by_kpi[other.pk].has_other_periods
                else _("%(present)d of %(due)d") % {"present": total.present, "due": total.due},
                parts=_parts(total, wording) if is_ratio else None,
            )
            for other, total in zip(facts.below, totals, strict=True)
        ],
        together="" if method in NO_ROLLUP else wording.bare(together.value),
        together_grade=grades.of_units(by_kpi),
        together_parts=_parts(together, wording) if is_ratio else None,
        coverage=ngettext("%(present)d of %(due)d unit", "%(present)d of %(due)d units", together.due)
        % {"present": together.present, "due": together.due},
        hidden=ngettext(
            "%(n)d unit is left out here: its KPI is not yours to open.",
            "%(n)d units are left out here: their KPIs are not yours to open.",
            facts.below_hidden,
        )
        % {"n": facts.below_hidden}
        if facts.below_hidden
        else "",
        whole=wording.bare(span.total.value),
        whole_grade=grades.of(span),
        gap=gap,
    )


def span_of_units(found: Sequence[Span], choice: Choice) -> Span | None:
    """Return the period whose units are shown: the chosen one, or the latest whole one."""
    whole = [span for span in found if span.is_over and span.total.value is not None]
    named = next((span for span in found if span.period.key == choice.at), None)
    return named or (whole[-1] if whole else None)


def _value(total: Aggregate) -> Value | None:
    if total.value is None and total.numerator is None:
        return None
    return Value(value=total.value, numerator=total.numerator, denominator=total.denominator, weight=total.denominator)


def _parts(total: Aggregate, wording: Wording) -> tuple[str, str]:
    if total.numerator is None or total.denominator is None:
        return MISSING, MISSING
    return wording.count(total.numerator), wording.count(total.denominator)


def _how(facts: Facts) -> str:
    if facts.kpi.unit_aggregation in NO_ROLLUP:
        return _("units do not roll up: what they have says nothing about the whole")
    return _("over units: %(how)s") % {"how": facts.kpi.get_unit_aggregation_display()}
