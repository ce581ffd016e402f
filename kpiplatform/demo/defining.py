"""The KPIs of the sample: definition sheets, targets, thresholds, sources and how their rows become values."""

from decimal import Decimal
from typing import Any

from kpiplatform.demo.scene import Scene
from kpiplatform.demo.sheets import Sheet, kpi_sheets, mapping_spec, read
from kpis.models import (
    DataSource,
    Kpi,
    KpiLink,
    KpiOwnership,
    KpiVersion,
    KpiWeight,
    QualityRule,
    SourceAgreement,
    SourceMapping,
    Target,
    ThresholdSet,
)
from kpis.services.defining import sheet_of
from kpis.services.formulas import connect_inputs

COPIED = (
    "code", "name", "decision_informed", "formula_in_words", "measure_unit", "decimals", "numerator_label",
    "denominator_label", "polarity", "tier", "indicator_type", "frequency", "time_aggregation", "unit_aggregation",
    "minimum", "maximum", "reporting_lag_days", "lag_in_working_days", "cost_to_measure", "unintended_consequences",
    "guard_reason", "baseline_value", "benchmark_value", "benchmark_source", "purpose", "inclusions",
    "needs_approval",
)  # fmt: skip
LIMITS = ("goal", "red_flag", "goal_low", "goal_high", "red_low", "red_high")


def add_kpis(scene: Scene) -> None:
    """Create the sources and every KPI with its history of definition, owner, weight, targets and thresholds."""
    sheets = kpi_sheets()
    for position, sheet in enumerate(sheets, start=1):
        scene.kpis[sheet["code"]] = _kpi(scene, sheet, position)
    Kpi.objects.bulk_create(scene.kpis.values())
    for sheet in sheets:
        kpi = scene.kpis[sheet["code"]]
        kpi.guard, kpi.part_of = (scene.kpis.get(sheet.get(name, "")) for name in ("guard", "part_of"))
    Kpi.objects.bulk_update([kpi for kpi in scene.kpis.values() if kpi.guard or kpi.part_of], ["guard", "part_of"])
    _add_history(scene, sheets)
    for sheet in sheets:
        if "formula" in sheet:
            connect_inputs(scene.kpis[sheet["code"]])
    _add_sources(scene, sheets)
    KpiLink.objects.bulk_create(
        KpiLink(
            source=scene.kpis[row["from"]],
            target=scene.kpis[row["to"]],
            sign=row["sign"],
            lag_from_periods=row["lag_periods"][0],
            lag_to_periods=row["lag_periods"][1],
            evidence=row["evidence"],
            rationale=row["rationale"],
        )
        for row in read("strategy")["kpi_link"]
    )


def _kpi(scene: Scene, sheet: Sheet, position: int) -> Kpi:
    moments, people = scene.moments, scene.people
    return Kpi(
        **{name: sheet[name] for name in COPIED if name in sheet},
        objective=scene.objectives[sheet["objective"]],
        unit=scene.units[sheet["unit"]],
        calendar=scene.calendar,
        position=position,
        owner=people[sheet["owner"]],
        deputy=people[sheet["deputy"]],
        steward=people[sheet["steward"]],
        entry=_entry(sheet),
        formula=sheet.get("formula", ""),
        ratio_factor=sheet.get("factor", 1),
        baseline_note=moments.text(sheet.get("baseline_note", "")),
        benchmark_on=moments.day(sheet["benchmark_on"]) if "benchmark_on" in sheet else None,
        review_by=moments.day(sheet["review_by"]),
        status=Kpi.Status.ACTIVE,
        created_at=scene.founded_at,
        active_from=moments.day(sheet.get("active_from", "start")),
    )


def _add_history(scene: Scene, sheets: list[Sheet]) -> None:
    recorded: dict[str, Any] = {"recorded_at": scene.founded_at, "recorded_by": scene.office}
    begin = scene.moments.effective("start")
    kpis, moments = scene.kpis, scene.moments
    KpiVersion.objects.bulk_create(
        KpiVersion(
            kpi=kpis[sheet["code"]],
            version=1,
            # A formula holds for the period in which the data begins, too.
            effective_from=begin if "formula" in sheet else moments.start,
            definition=sheet_of(kpis[sheet["code"]]),
            reason=moments.text("Plan {year}"),
            **recorded,
        )
        for sheet in sheets
    )
    KpiOwnership.objects.bulk_create(
        KpiOwnership(kpi=kpi, owner=kpi.owner, effective_from=moments.start, **recorded) for kpi in kpis.values()
    )
    KpiWeight.objects.bulk_create(
        KpiWeight(kpi=kpis[sheet["code"]], weight=Decimal(sheet.get("weight", 1)), effective_from=begin, **recorded)
        for sheet in sheets
    )
    Target.objects.bulk_create(
        Target(
            kpi=kpis[sheet["code"]],
            effective_from=moments.effective(row["from"]),
            reason=moments.text(row.get("reason", "")),
            **{name: row[name] for name in ("value", "low", "high") if name in row},
            **recorded,
        )
        for sheet in sheets
        for row in sheet.get("targets", [])
    )
    ThresholdSet.objects.bulk_create(
        ThresholdSet(
            kpi=kpis[sheet["code"]],
            effective_from=moments.effective(row["from"]),
            mode=row["mode"],
            reason=row.get("reason", ""),
            **{name: row[name] for name in LIMITS if name in row},
            **recorded,
        )
        for sheet in sheets
        for row in sheet.get("thresholds", [])
    )


def _add_sources(scene: Scene, sheets: list[Sheet]) -> None:
    rows = {row["code"]: row for row in read("sources")["source"]}
    sources = {
        code: DataSource(
            **{name: value for name, value in row.items() if name not in {"agreement", "rule"}}
            | {"owner": scene.people[row["owner"]]}
        )
        for code, row in rows.items()
    }
    DataSource.objects.bulk_create(sources.values())
    for code, row in rows.items():
        _agree(scene, sources[code], row)
    SourceMapping.objects.bulk_create(
        SourceMapping(source=sources[sheet["source"]], kpi=scene.kpis[sheet["code"]], spec=mapping_spec(sheet))
        for sheet in sheets
        if "source" in sheet
    )


def _entry(sheet: Sheet) -> Kpi.Entry:
    if "formula" in sheet:
        return Kpi.Entry.DERIVED
    return Kpi.Entry.SOURCE if "source" in sheet else Kpi.Entry.MANUAL


def _agree(scene: Scene, source: DataSource, row: Sheet) -> None:
    """Note by when the source is fresh, who reads its rows, and the rules that they are held against."""
    SourceAgreement.objects.create(source=source, fresh_since=scene.moments.now, **row["agreement"])
    QualityRule.objects.bulk_create(
        QualityRule(source=source, created_at=scene.founded_at, created_by=source.owner, **rule) for rule in row["rule"]
    )
