"""The definition sheet as fields, section by section: one description for the sheet and for the seven steps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import fields_for_model
from django.utils.translation import gettext_lazy as _

from kpiplatform.dashboards.kpi_setup.fields import KpiField, NumberField
from kpis.forms import DayField
from kpis.models import Kpi
from objectives.models import Objective, Unit

NUMBERS = (
    "ratio_factor", "minimum", "maximum", "baseline_value", "benchmark_value", "unusual_factor", "explain_below",
)  # fmt: skip
DAYS = ("active_from", "benchmark_on", "review_by")
OTHERS = ("guard", "part_of")
LONG = ("purpose", "decision_informed", "formula_in_words", "inclusions", "unintended_consequences", "formula")

SECTIONS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    (
        "what",
        _("What it is"),
        ("name", "objective", "unit", "tier", "indicator_type", "purpose", "decision_informed"),
    ),
    (
        "how",
        _("How it is measured"),
        (
            "formula_in_words", "inclusions", "measure_unit", "decimals", "numerator_label", "denominator_label",
            "ratio_factor", "minimum", "maximum",
        ),
    ),
    ("judged", _("How it is judged"), ("polarity", "is_cumulative", "guard", "guard_reason")),
    (
        "when",
        _("When and from where"),
        (
            "frequency", "calendar", "active_from", "reporting_lag_days", "lag_in_working_days", "stale_after_days",
            "entry",
        ),
    ),
    ("entered", _("How values by hand are taken"), ("unusual_factor", "explain_below", "needs_approval")),
    ("adds", _("How it adds up"), ("time_aggregation", "unit_aggregation", "part_of")),
    (
        "compared",
        _("Where it starts, what it is compared with"),
        ("baseline_value", "baseline_note", "benchmark_value", "benchmark_source", "benchmark_on"),
    ),
    ("care", _("What it costs, what to beware of"), ("cost_to_measure", "unintended_consequences", "review_by")),
)  # fmt: skip

LABELS = {
    "name": _("Name"),
    "objective": _("Objective"),
    "unit": _("Unit of the organisation"),
    "tier": _("Level"),
    "indicator_type": _("Leading or lagging"),
    "purpose": _("Purpose"),
    "decision_informed": _("Decision it informs"),
    "formula_in_words": _("Formula in words"),
    "inclusions": _("What counts, what does not"),
    "measure_unit": _("Measured in"),
    "decimals": _("Decimals"),
    "numerator_label": _("Numerator, in words"),
    "denominator_label": _("Denominator, in words"),
    "ratio_factor": _("Ratio times"),
    "minimum": _("Can't be below"),
    "maximum": _("Can't be above"),
    "polarity": _("What is good"),
    "is_cumulative": _("Judged to date: the sum of the fiscal year against the targets to date"),
    "guard": _("Guard KPI"),
    "guard_reason": _("What the guard protects"),
    "frequency": _("Frequency"),
    "calendar": _("Calendar"),
    "active_from": _("First day for which a value is expected"),
    "reporting_lag_days": _("Due, days after the period"),
    "lag_in_working_days": _("Count working days only"),
    "stale_after_days": _("Stale, days past due"),
    "entry": _("Values come"),
    "missing_policy": _("A missing input counts as"),
    "formula": _("Calculation from other KPIs"),
    "unusual_factor": _("Asks “is it right?” from, times the usual move"),
    "explain_below": _("Needs an explanation below a score of"),
    "needs_approval": _("Values wait until the owner approves them"),
    "time_aggregation": _("Over time"),
    "unit_aggregation": _("Over units"),
    "part_of": _("Part of"),
    "baseline_value": _("Baseline"),
    "baseline_note": _("Where the baseline is from"),
    "benchmark_value": _("Benchmark"),
    "benchmark_source": _("Whose benchmark"),
    "benchmark_on": _("Benchmark of"),
    "cost_to_measure": _("Cost to measure"),
    "unintended_consequences": _("How it could mislead or be gamed"),
    "review_by": _("Review the definition by"),
}
HELP = {
    "formula": _("Codes of KPIs in brackets: [LATE] ÷ [FLIGHTS] × 100."),
    "missing_policy": _("Left out: sums, differences, min and max go on without it; else there is no value."),
    "formula_in_words": _("So that a numerate stranger could calculate it."),
    "measure_unit": _("Like %, min or flights."),
    "ratio_factor": _("100 for a percentage of numerator to denominator, else 1."),
    "is_cumulative": "",
    "unusual_factor": _("Empty: as the organisation does. 0 never asks."),
    "explain_below": _("Empty: as the organisation does. 0 never asks; 3.33 asks for every red."),
    "needs_approval": _("What anybody else enters is shown as waiting, and judged only once it is approved."),
    "guard": _("The code of the KPI that must not suffer when this one improves."),
    "tier": _("Strategic measures the strategy, operational the running of a function."),
    "indicator_type": _("Leading predicts, lagging confirms."),
    "part_of": _("The code of the KPI of a unit above that measures the same of the whole."),
    "active_from": "",
    "stale_after_days": "",
}


def sheet_fields(names: tuple[str, ...], *, required: tuple[str, ...] = ()) -> dict[str, forms.Field]:
    """Return form fields of the definition sheet, in the order of `names`, with the words of this page."""
    widgets = {name: forms.Textarea(attrs={"rows": 2}) for name in LONG}
    days = dict.fromkeys(DAYS, DayField)
    found = fields_for_model(Kpi, fields=names, widgets=widgets, labels=LABELS, field_classes=days)
    assert found is not None
    for name in names:
        field = found[name]
        field.help_text = HELP.get(name, "")
        if name in NUMBERS:
            found[name] = NumberField(label=LABELS[name], required=field.required, help_text=HELP.get(name, ""))
        found[name].required = found[name].required or name in required
    if "objective" in found:
        active = Objective.objects.filter(status=Objective.Status.ACTIVE).select_related("perspective")
        found["objective"].queryset = active.order_by("perspective__position", "position", "code")
    if "unit" in found:
        found["unit"].queryset = Unit.objects.filter(is_active=True)
    for name in OTHERS:
        if name in found:
            found[name] = KpiField(label=LABELS[name], required=name in required, help_text=HELP[name])
    return {name: found[name] for name in names}


def in_columns(values: dict[str, Any]) -> dict[str, Any]:
    """Return what a form said by the names of the table's columns."""
    columns = {}
    for name, value in values.items():
        field = Kpi._meta.get_field(name)
        columns[field.attname] = value.pk if field.is_relation and value is not None else value
    return columns
