"""The rules of a source as they are held against its rows, and how each pull kept them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from kpis.domain.quality import Kind, Outcome, Rule, Severity, reconciled
from kpis.models import DataSource, Kpi, Measurement, Pull, PullCheck, QualityRule
from kpis.queries import calendars

if TYPE_CHECKING:
    from kpis.sources.checking import Control


def rules_of_source(source: DataSource) -> list[Rule]:
    """Return the rules of a source in the order in which they were made."""
    rows = QualityRule.objects.filter(source=source).select_related("mapping").order_by("pk")
    return [as_rule(row) for row in rows]


def as_rule(row: QualityRule) -> Rule:
    """Return a stored rule as the domain takes it."""
    return Rule(
        pk=row.pk,
        kind=cast(Kind, row.kind),
        severity=cast(Severity, row.severity),
        columns=tuple(row.columns),
        value_type=row.value_type,
        low=row.low,
        high=row.high,
        allowed=tuple(row.allowed),
        control_column=row.control_column,
        control_kpi_id=row.control_kpi_id,
        tolerance=row.tolerance,
        kpi_id=row.mapping.kpi_id if row.mapping else None,
    )


def controls_of(rules: Sequence[Rule]) -> dict[int, Control]:
    """Return the final values of the KPIs that sums of rows are held against, by KPI."""
    from kpis.sources.checking import Control

    ids = {rule.control_kpi_id for rule in rules if rule.control_kpi_id is not None}
    if not ids:
        return {}
    by_calendar = calendars()
    final = Measurement.objects.filter(kpi_id__in=ids, value__isnull=False).exclude(state="provisional")
    values: dict[int, dict] = {kpi_id: {} for kpi_id in ids}
    for kpi_id, start, value in final.values_list("kpi_id", "period_start", "value"):
        values[kpi_id][start] = value
    return {
        kpi.pk: Control(frequency=kpi.frequency, calendar=by_calendar[kpi.calendar_id], values=values[kpi.pk])
        for kpi in Kpi.objects.filter(pk__in=ids)
    }


def keep_outcomes(pull: Pull, outcomes: Sequence[Outcome]) -> None:
    """Write down how a pull kept each rule, in place of what an earlier attempt found; the caller saves the pull."""
    pull.checks.all().delete()
    PullCheck.objects.bulk_create(
        PullCheck(
            pull=pull,
            rule_id=one.rule.pk,
            kind=one.rule.kind,
            severity=one.rule.severity,
            is_kept=one.is_kept,
            checked=one.checked,
            broken=one.broken,
            says=one.says,
        )
        for one in outcomes
    )
    pull.rules_checked = len(outcomes)
    pull.rules_broken = sum(not one.is_kept for one in outcomes)
    pull.reconciled = reconciled(outcomes)
