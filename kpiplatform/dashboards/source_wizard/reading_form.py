"""How the rows of a source are read: its day, how numbers are written, what is made of the rows before they count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.dashboards.source_wizard.settings_form import SettingsForm
from kpis.domain.step_lines import StepRefused, steps_in, written_steps
from kpis.models import DataSource
from kpis.sources.settings import READING

STEPS_HELP = gettext_lazy(
    "One a line, carried out in their order: rename Umsatz to sales · read sales with decimal , grouping . · "
    "read day as %d.%m.%Y · keep rows where country == DE · derive per_head = sales / heads * 100 · "
    "unpivot keeping country, city into month and sales"
)


class ReadingForm(SettingsForm):
    """The settings about reading; what the first rows suggest stands there until somebody chooses."""

    is_snapshot = forms.BooleanField(
        label=gettext_lazy("It has no history: what it says is of the day it is asked"),
        required=False,
        help_text=gettext_lazy("Then there is no column of the day, and a day on which nobody asked stays a gap."),
    )
    steps = forms.CharField(
        label=gettext_lazy("Steps"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "query", "spellcheck": "false"}),
        help_text=STEPS_HELP,
    )

    def __init__(
        self, data: Any = None, *, source: DataSource, look: Mapping[str, Any], guessed: Mapping[str, Any]
    ) -> None:
        names = [name for name in look.get("columns", []) if name]
        super().__init__(data, source=source, declared=READING, choices={"date_column": names} if names else None)
        if not source.config.get("date_column"):
            self.initial |= guessed
        self.initial["steps"] = written_steps(source.config.get("steps", []))
        self.initial["is_snapshot"] = source.is_snapshot
        self.order_fields(["seen", *(one.name for one in self.asked), "is_snapshot", "steps"])
        day = self.fields["date_column"]
        day.required = not (source.is_snapshot if data is None else data.get("is_snapshot"))
        day.error_messages["required"] = gettext_lazy("Choose it, or say below that the source has no history.")

    @property
    def parts(self) -> list[list[Any]]:
        """The fields in rows: the day, the numbers, the rest."""
        rows = (
            ("seen", "date_column", "date_format", "unique_by"),
            ("decimal", "grouping", "percent", "accounting"),
            ("is_snapshot",),
            ("steps",),
        )
        return [[self[name] for name in names if name in self.fields] for names in rows]

    def clean_steps(self) -> list[dict[str, Any]]:
        try:
            return steps_in(self.cleaned_data["steps"])
        except StepRefused as refused:
            words = {"line": refused.line, "text": refused.text[:80]}
            raise ValidationError(_("Line %(line)d, “%(text)s”, is none of the steps below.") % words) from None

    def config(self) -> dict[str, Any]:
        """Return the settings with the steps."""
        values = super().config()
        values.pop("steps", None)
        return values | ({"steps": self.cleaned_data["steps"]} if self.cleaned_data["steps"] else {})
