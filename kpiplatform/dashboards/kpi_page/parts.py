"""The same figure for each unit below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_page.facts import Facts, Other, limits_of
from kpiplatform.dashboards.kpi_page.gap import count_from_goal, distance
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpis.domain.figures import delta_unit, signed
from kpis.domain.sparkline import Spark


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """One unit, ready to print; `period` is there only where it isn't that of the heading."""

    code: str
    unit: str
    band: str
    value: str
    grade: str
    period: str
    gap: str
    change: str
    denominator: str
    count: str
    spark: Spark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTable:
    """The units below; heads that are "" have no column."""

    title: str
    note: str
    value_head: str
    gap_head: str
    change_head: str
    denominator_head: str
    count_head: str
    rows: Sequence[PartRow]


def parts(facts: Facts) -> PartTable | None:
    """Return the units below by the period of this KPI's state, or None where nothing is computed for them."""
    if not facts.below:
        return None
    wording, start = Wording.of(facts), facts.state.period_start
    unit = delta_unit(wording.unit)
    is_ratio = any(part.parts for part in facts.below)
    goals = {limits_of(part) for part in facts.below}
    same = len(goals) == 1 and None not in goals
    heading = {"period": wording.period(facts.period(start))} if start else {}
    return PartTable(
        title=_("By unit, %(period)s") % heading if start else _("By unit"),
        note=_("each unit is judged by the same limits") if same else _("each unit is judged by its own limits"),
        value_head=wording.unit or _("value"),
        gap_head=_("vs goal, %(unit)s") % {"unit": unit} if unit else _("vs goal"),
        change_head=_("vs before, %(unit)s") % {"unit": unit} if unit else _("vs before"),
        denominator_head=(facts.kpi.denominator_label or _("denominator")) if is_ratio else "",
        count_head=_("%(what)s, to goal") % {"what": facts.kpi.numerator_label or _("numerator")} if is_ratio else "",
        rows=[_row(part, facts, wording) for part in facts.below],
    )


def _row(part: Other, facts: Facts, wording: Wording) -> PartRow:
    limits = limits_of(part)
    numerator, denominator = part.parts or (None, None)
    count = count_from_goal(limits, numerator=numerator, denominator=denominator, factor=part.ratio_factor)
    change = None
    if part.value is not None and part.previous_value is not None:
        change = part.value - part.previous_value
    same_period = part.period_start == facts.state.period_start
    return PartRow(
        code=part.code,
        unit=part.unit_name,
        band=part.band,
        value=wording.bare(part.value),
        grade=facts.grades.get(part.pk, ""),
        period=wording.period(facts.period(part.period_start)) if part.period_start and not same_period else "",
        gap=wording.bare_change(distance(part.value, limits)),
        change=wording.bare_change(change),
        denominator=wording.count(denominator),
        count="" if count is None else signed(count, 0, locale=wording.locale),
        spark=Spark(**part.spark) if part.spark else None,
    )
