"""The calculation of a derived KPI as an admin writes it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.dashboards.kpi_setup.changing import NEEDS_REASON, OneChangeForm
from kpiplatform.dashboards.kpi_setup.sheet import sheet_fields
from kpis.calculations import checked_formula
from kpis.domain.formula.errors import FormulaError
from kpis.domain.formula.fitting import Shape
from kpis.domain.formula.printing import written
from kpis.domain.formula.tree import Node
from kpis.domain.periods import Frequency
from kpis.formula_words import sentence
from kpis.models import Kpi, Measurement
from kpis.queries import calendar_of

# What is being written of a reference that is not closed yet.
UNFINISHED = re.compile(r"\[([A-Za-z0-9-]*)$")
FORMULA = {"rows": 4, "spellcheck": "false", "autocapitalize": "off", "class": "formula-text"}


class WritesFormula(forms.Form):
    """What the page and the step of a new KPI share: a formula that is read and shown."""

    tree: Node | None = None
    error: FormulaError | None = None

    @property
    def text(self) -> str:
        """The formula as it stands in the field."""
        return str(self["formula"].value() or "")

    @property
    def wanted(self) -> str:
        """What somebody looks for: the reference that is not closed yet."""
        unfinished = UNFINISHED.search(self.text)
        return unfinished[1] if unfinished else ""

    def read_formula(self, text: str, *, code: str, shape: Shape, among: QuerySet[Kpi]) -> str:
        """Return the formula as it is always written, and keep its tree; the error is kept for the page."""
        try:
            self.tree = checked_formula(text, code=code, shape=shape, among=among)
        except FormulaError as error:
            self.error = error
            raise ValidationError(sentence(error)) from None
        return written(self.tree)


class CalculationForm(WritesFormula, OneChangeForm):
    """The formula of one KPI, and from when and why it holds."""

    find = forms.CharField(
        label=gettext_lazy("Find a KPI"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("By name or code, or write “[” and the beginning of a code above."),
    )

    def __init__(self, data: Any = None, *, kpi: Kpi, shape: Shape, among: QuerySet[Kpi], today: date) -> None:
        initial: dict[str, Any] = {"formula": kpi.formula, "missing_policy": kpi.missing_policy}
        if kpi.active_from and not Measurement.objects.filter(kpi=kpi).exists():
            initial["effective_from"] = kpi.active_from  # what has no value yet has none by another calculation
        super().__init__(data, kpi=kpi, today=today, auto_id="calculation-%s", initial=initial)
        self.fields = sheet_fields(("formula", "missing_policy"), required=("formula",)) | self.fields
        self.fields["formula"].widget.attrs |= FORMULA
        self.fields["effective_from"].label = _("The calculation holds from")
        if kpi.status == Kpi.Status.ACTIVE:
            self.fields["reason"].required = True
            self.fields["reason"].error_messages["required"] = NEEDS_REASON
        self.shape, self.among = shape, among

    @property
    def wanted(self) -> str:
        """What somebody looks for: the reference that is not closed yet, or what was typed to find a KPI."""
        return super().wanted or str(self["find"].value() or "").strip()

    def clean_formula(self) -> str:
        return self.read_formula(self.cleaned_data["formula"], code=self.kpi.code, shape=self.shape, among=self.among)

    def complain_of(self, name: str) -> None:
        """Say what is wrong with one field only: the others are not sent yet."""
        for other in self.errors.keys() - {name}:
            del self.errors[other]

    def refuse_formula(self, error: FormulaError) -> None:
        self.add_error("formula", sentence(error))

    @property
    def values(self) -> dict[str, Any]:
        """What the form says, by column."""
        said = {name: self.cleaned_data.get(name, "") for name in ("formula", "missing_policy")}
        return {"entry": Kpi.Entry.DERIVED} | said


class NewCalculationForm(WritesFormula):
    """The formula of a KPI that is being defined, as far as it is said; its unit is checked with its step."""

    def __init__(self, data: Any, *, among: QuerySet[Kpi]) -> None:
        super().__init__(data)
        self.fields = sheet_fields(("frequency", "calendar", "time_aggregation", "formula", "missing_policy"))
        self.kpi, self.among = Kpi(), among

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if {"frequency", "calendar", "time_aggregation"} <= said.keys():
            self.kpi.frequency = said["frequency"]
            self.shape = Shape(
                unit="",
                frequency=Frequency(said["frequency"]),
                calendar=calendar_of(said["calendar"]),
                method=said["time_aggregation"],
            )
            self.read_formula(said.get("formula", ""), code="", shape=self.shape, among=self.among)
        return said


def inserted(text: str, code: str) -> str:
    """Return the formula with a reference at its end, in place of one that is not closed."""
    begun = UNFINISHED.sub("", text).rstrip()
    return f"{begun} [{code}]" if begun else f"[{code}]"
