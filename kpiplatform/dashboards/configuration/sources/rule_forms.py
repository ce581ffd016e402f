"""Forms about what is agreed of a source: its rules, its freshness, who reads its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.audit.editing import seen, seen_field
from kpiplatform.dashboards.configuration.sources.record import fresh_within
from kpiplatform.dashboards.configuration.sources.rule_words import SEVERITIES, TYPES
from kpiplatform.dashboards.kpi_setup.fields import NumberField, read_in
from kpiplatform.dashboards.models import SourceSetup
from kpis.models import DataSource, Kpi, QualityRule, SourceAgreement
from kpis.services.freshness import is_scheduled
from kpis.sources.mapping import MappingError, parse_mapping, wanted_columns

# The fields of each kind of rule, in the order in which they are asked.
ASKED = {
    "range": ("columns", "low", "high", "mapping", "severity"),
    "filled": ("columns", "mapping", "severity"),
    "type": ("columns", "value_type", "mapping", "severity"),
    "allowed": ("columns", "allowed", "mapping", "severity"),
    "unique": ("columns", "mapping", "severity"),
    "rising": ("columns", "mapping", "severity"),
    "rows": ("low", "high"),
    "total": ("columns", "control_column", "control_kpi", "tolerance", "mapping"),
    "fresh": ("high", "mapping"),
}
SEVERAL = {"filled", "unique"}
LABELS = {
    ("rows", "low"): gettext_lazy("At least, percent of the usual"),
    ("rows", "high"): gettext_lazy("At most, percent of the usual"),
    ("fresh", "high"): gettext_lazy("At most so many days old"),
    ("filled", "columns"): gettext_lazy("Columns"),
    ("unique", "columns"): gettext_lazy("Columns"),
    ("total", "columns"): gettext_lazy("Column that is summed up"),
}
HINTS = {
    "filled": gettext_lazy("Several are separated by commas."),
    "unique": gettext_lazy("Several are separated by commas: together they name a row."),
    "total": gettext_lazy("Left empty, the rows are counted."),
}
LIST_AT_MOST = 200


class RuleForm(forms.Form):
    """One rule; the kind decides what is asked. After `is_valid()` `said` holds what a rule consists of."""

    columns = forms.CharField(label=gettext_lazy("Column"), max_length=400)
    value_type = forms.ChoiceField(label=gettext_lazy("Is"), choices=TYPES)
    low = NumberField(label=gettext_lazy("At least"), required=False)
    high = NumberField(label=gettext_lazy("At most"), required=False)
    allowed = forms.CharField(
        label=gettext_lazy("Allowed"), widget=forms.Textarea(attrs={"rows": 5}), help_text=gettext_lazy("One a line.")
    )
    control_column = forms.CharField(
        label=gettext_lazy("Column that states the total"),
        max_length=80,
        required=False,
        help_text=gettext_lazy("It repeats the total of its day on every row."),
    )
    control_kpi = forms.ModelChoiceField(
        label=gettext_lazy("Or the KPI that says the total"),
        queryset=Kpi.objects.none(),
        required=False,
        empty_label=gettext_lazy("none"),
        help_text=gettext_lazy("Compared for every period of that KPI."),
    )
    tolerance = NumberField(
        label=gettext_lazy("May differ, percent"), required=False, help_text=gettext_lazy("Left empty: not at all.")
    )
    mapping = forms.ModelChoiceField(
        label=gettext_lazy("Holds for"),
        queryset=QualityRule.objects.none(),
        required=False,
        empty_label=gettext_lazy("every row"),
    )
    severity = forms.ChoiceField(
        label=gettext_lazy("If not"), choices=SEVERITIES, widget=forms.RadioSelect, initial="refuse"
    )
    seen = seen_field()

    def __init__(
        self,
        data: Any = None,
        *,
        kind: str,
        source: DataSource,
        kpis: QuerySet[Kpi],
        locale: str,
        rule: QualityRule | None = None,
    ) -> None:
        super().__init__(data, auto_id="rule-%s", initial=_initial(rule) if rule else None)
        self.source, self.kind, self.said = source, kind, dict[str, Any]()
        self.fields["mapping"].queryset = source.mappings.select_related("kpi").order_by("kpi__name")
        self.fields["mapping"].label_from_instance = lambda mapping: _("only %(kpi)s") % {"kpi": mapping.kpi.name}
        self.fields["control_kpi"].queryset = kpis.order_by("name")
        self.fields["columns"].required = kind != "total"
        self.fields["columns"].help_text = HINTS.get(kind, "")
        for name in ("columns", "control_column"):
            self.fields[name].widget.attrs |= {"list": "columns", "autocomplete": "off"}
        for name in set(self.fields) - {*ASKED[kind], "seen"}:
            del self.fields[name]
        for name, field in self.fields.items():
            field.label = LABELS.get((kind, name), field.label)
        if kind == "fresh":
            self.fields["high"].required = True
        self.order_fields([*ASKED[kind], "seen"])
        read_in(self, locale)

    def clean_columns(self) -> list[str]:
        names = list(dict.fromkeys(name.strip() for name in self.cleaned_data["columns"].split(",") if name.strip()))
        if len(names) > 1 and self.kind not in SEVERAL:
            raise ValidationError(_("This rule is about one column."))
        refuse_unknown(self.source, names)
        return names

    def clean_control_column(self) -> str:
        name = str(self.cleaned_data["control_column"]).strip()
        refuse_unknown(self.source, [name] if name else [])
        return name

    def clean_allowed(self) -> list[str]:
        found = [line.strip() for line in self.cleaned_data["allowed"].splitlines() if line.strip()]
        if len(found) > LIST_AT_MOST:
            raise ValidationError(_("A list has at most %(n)d entries.") % {"n": LIST_AT_MOST})
        return list(dict.fromkeys(found))

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        low, high = said.get("low"), said.get("high")
        if self.kind in {"range", "rows"} and not self.errors and low is None and high is None:
            self.add_error("low", _("Say at least one of the two bounds."))
        if low is not None and high is not None and low > high:
            self.add_error("high", _("The upper bound lies below the lower one."))
        if self.kind == "total" and bool(said.get("control_column")) == bool(said.get("control_kpi")):
            self.add_error("control_column", _("Name either the column or the KPI that says the total."))
        if (said.get("tolerance") or 0) < 0 or (said.get("tolerance") or 0) >= 100:
            self.add_error("tolerance", _("A share lies between 0 and 100 percent."))
        self.said = {
            "kind": self.kind,
            "severity": said.get("severity") or "hold",
            "mapping": said.get("mapping"),
            "columns": said.get("columns") or [],
            "value_type": said.get("value_type") or "",
            "low": low,
            "high": high,
            "allowed": said.get("allowed") or [],
            "control_column": said.get("control_column") or "",
            "control_kpi": said.get("control_kpi"),
            "tolerance": said.get("tolerance") or Decimal(0),
        }
        return said


class AgreementForm(forms.Form):
    """By when a source is fresh, who reads its rows, and what of them is shown."""

    fresh_within_minutes = forms.IntegerField(
        label=gettext_lazy("Fresh within, minutes"),
        min_value=1,
        max_value=7 * 24 * 60,
        required=False,
        help_text=gettext_lazy("After the time it is pulled at. Left empty, nothing is agreed."),
    )
    rows_visible_to = forms.ChoiceField(
        label=gettext_lazy("Its rows are read by"),
        choices={
            "source": gettext_lazy("administrators and the owner of the source"),
            "owners": gettext_lazy("these, and those who answer for the KPI"),
            "readers": gettext_lazy("everybody who sees the KPI"),
        },
        help_text=gettext_lazy(
            "From a value of a KPI to the rows behind it. Its owner, deputy and steward answer for a KPI, and the "
            "managers of its unit."
        ),
    )
    row_columns = forms.CharField(
        label=gettext_lazy("Columns shown as well"),
        required=False,
        max_length=400,
        help_text=gettext_lazy("Beside those that the KPI is computed from; separated by commas."),
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, source: DataSource) -> None:
        super().__init__(data, auto_id="agreement-%s")
        self.source = source
        if not is_scheduled(source):  # nobody knows when the next file is sent
            del self.fields["fresh_within_minutes"]
        found = getattr(source, "agreement", None) or SourceAgreement(source=source)
        self.initial = {
            "fresh_within_minutes": fresh_within(source),
            "rows_visible_to": found.rows_visible_to,
            "row_columns": ", ".join(found.row_columns),
            "seen": seen(found),
        }

    def clean(self) -> dict[str, Any]:
        """Return what is agreed; about freshness nothing where it is not asked."""
        return {"fresh_within_minutes": None} | (super().clean() or {})

    def clean_row_columns(self) -> list[str]:
        names = list(
            dict.fromkeys(name.strip() for name in self.cleaned_data["row_columns"].split(",") if name.strip())
        )
        refuse_unknown(self.source, names)
        return names


def refuse_unknown(source: DataSource, names: Sequence[str]) -> None:
    """Refuse names that the rows did not have when they were looked at last: no pull would go on.

    Of a source that nobody looked at here, nothing is known.
    """
    columns = _looked_at(source)
    unknown = [name for name in names if name not in columns]
    if columns and unknown:
        says = _(
            "The rows have no column %(name)s. They have: %(columns)s. If it is new, look at the first rows again."
        )
        raise ValidationError(says % {"name": unknown[0], "columns": ", ".join(columns)[:400]})


def _looked_at(source: DataSource) -> list[str]:
    setup = SourceSetup.objects.filter(source=source).first()
    return setup.look.get("columns", []) if setup else []


def known_columns(source: DataSource) -> list[str]:
    """Return the columns that are read of a source already, and those that its first rows had, for choosing."""
    found = {source.config.get("date_column", ""), *_looked_at(source)}
    for mapping in source.mappings.all():
        try:
            found |= {name for name, _kind in wanted_columns([parse_mapping(mapping.spec)])}
        except MappingError:
            continue
    return sorted(name for name in found if name)


def _initial(rule: QualityRule) -> Mapping[str, Any]:
    return {
        "columns": ", ".join(rule.columns),
        "allowed": "\n".join(map(str, rule.allowed)),
        "seen": seen(rule),
        "tolerance": rule.tolerance or None,
        **{name: getattr(rule, name) for name in ("value_type", "low", "high", "control_column", "severity")},
        "mapping": rule.mapping_id,
        "control_kpi": rule.control_kpi_id,
    }
