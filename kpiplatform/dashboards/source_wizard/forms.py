"""The forms of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_setup.changing import ChangeForm
from kpiplatform.dashboards.kpi_setup.fields import NumberField, read_in
from kpis.domain.conditions import ConditionRefused, conditions_in
from kpis.models import DataSource, Kpi
from kpis.services.connecting import Change
from kpis.sources.measures import RATIO, ROWS, VALUE, Measure, Part

AGGREGATES = (
    ("count", gettext_lazy("number of rows")),
    ("sum", gettext_lazy("sum of a column")),
    ("mean", gettext_lazy("mean of a column")),
    ("median", gettext_lazy("median of a column")),
    ("p90", gettext_lazy("90th percentile of a column")),
    ("min", gettext_lazy("smallest of a column")),
    ("max", gettext_lazy("largest of a column")),
    ("first", gettext_lazy("first of a column")),
    ("last", gettext_lazy("last of a column")),
    ("nunique", gettext_lazy("different contents of a column")),
)
CONDITIONS_HELP = gettext_lazy(
    "One condition a line: carrier == UA, delay <= 15, origin in EWR, JFK, tail is filled. All of them must hold."
)


class BeginForm(forms.Form):
    """What the source is called, of which kind it is, who cares for it."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("What people call it: Sales database.")
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=DataSource.Kind.choices, widget=forms.RadioSelect, initial="csv_file"
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Owner"),
        queryset=User.objects.none(),
        empty_label=None,
        help_text=gettext_lazy("Gets a mail when pulls fail or one is held."),
    )

    def __init__(self, data: Any = None, *, reader: User) -> None:
        super().__init__(data, auto_id="begin-%s", initial={"owner": reader.pk})
        self.fields["owner"].queryset = User.objects.filter(is_active=True).order_by("name")


class MeasureForm(forms.Form):
    """One figure: what is computed from which rows, and which column tells the KPIs apart."""

    name = forms.CharField(
        label=gettext_lazy("Figure"),
        max_length=80,
        help_text=gettext_lazy("New KPIs are called so: On-time departures."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("It is"),
        choices=[(VALUE, gettext_lazy("one number")), (RATIO, gettext_lazy("one number divided by another"))],
        widget=forms.RadioSelect,
        initial=VALUE,
    )
    agg = forms.ChoiceField(label=gettext_lazy("Number"), choices=AGGREGATES)
    column = forms.ChoiceField(label=gettext_lazy("Of the column"), required=False)
    only = forms.CharField(
        label=gettext_lazy("Counted only where"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("For a rate: what counts as a hit, like delay <= 15."),
    )
    by_agg = forms.ChoiceField(label=gettext_lazy("Divided by"), choices=AGGREGATES, required=False)
    by_column = forms.ChoiceField(label=gettext_lazy("Of the column"), required=False)
    factor = NumberField(
        label=gettext_lazy("Times"), required=False, help_text=gettext_lazy("100 for a percentage, else 1.")
    )
    where = forms.CharField(
        label=gettext_lazy("From rows where"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=CONDITIONS_HELP,
    )
    group_by = forms.ChoiceField(
        label=gettext_lazy("One KPI for each"),
        required=False,
        help_text=gettext_lazy("Rows fall to KPIs by the content of this column. Without one, a single KPI takes all."),
    )

    def __init__(self, data: Any = None, *, columns: Sequence[str], locale: str) -> None:
        super().__init__(data, auto_id="measure-%s", initial={"factor": Decimal(100)})
        named = [("", "–"), *((name, name) for name in columns)]
        for name in ("column", "by_column", "group_by"):
            self.fields[name].choices = named
        self.columns = set(columns)
        read_in(self, locale)

    @property
    def parts(self) -> list[list[Any]]:
        """The fields in rows: what it is, the number, what it is divided by, which rows, which KPIs."""
        rows = (("name", "kind"), ("agg", "column", "only"), ("by_agg", "by_column", "factor"), ("where", "group_by"))
        return [[self[name] for name in names] for names in rows]

    def clean_only(self) -> list[list[Any]]:
        return self._conditions("only")

    def clean_where(self) -> list[list[Any]]:
        return self._conditions("where")

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        self._needs_column("agg", "column")
        if said.get("kind") == RATIO:
            if not said.get("by_agg"):
                self.add_error("by_agg", _("Say what it is divided by."))
            self._needs_column("by_agg", "by_column")
            if said.get("factor") == 0:
                self.add_error("factor", _("Times 0 would always be 0."))
        return said

    def measure(self) -> Measure:
        """Return what was said."""
        said = self.cleaned_data
        is_ratio = said["kind"] == RATIO
        return Measure(
            name=said["name"],
            numerator=Part(agg=said["agg"], column=said["column"], where=said["only"]),
            denominator=Part(agg=said["by_agg"], column=said["by_column"]) if is_ratio else None,
            factor=str(said["factor"] or 1) if is_ratio else "1",
            where=said["where"],
            group_by=said["group_by"],
        )

    def _needs_column(self, agg: str, column: str) -> None:
        said = self.cleaned_data
        if said.get(agg) and said[agg] != ROWS and not said.get(column):
            self.add_error(column, _("Choose the column; only rows are counted without one."))

    def _conditions(self, name: str) -> list[list[Any]]:
        try:
            found = conditions_in(self.cleaned_data[name])
        except ConditionRefused as refused:
            raise ValidationError(_why(refused)) from None
        for condition in found:
            if condition[0] not in self.columns:
                listed = ", ".join(sorted(self.columns))
                raise ValidationError(
                    _("There is no column “%(column)s”. There are: %(columns)s.")
                    % {"column": condition[0][:60], "columns": listed[:300]}
                )
        return found


class ConnectForm(ChangeForm):
    """The last press; where KPIs have their values in another way so far, from when and why that changes."""

    def __init__(self, data: Any = None, *, turned: Sequence[Kpi], today: date) -> None:
        super().__init__(data, auto_id="connect-%s", today=today)
        self.turned = turned
        if not turned:
            self.fields.clear()
            return
        self.fields["effective_from"].required = self.fields["reason"].required = True
        self.fields["effective_from"].help_text = _(
            "Periods that start on this day or later have the values of this source; earlier ones stay as they are."
        )

    @property
    def change(self) -> Change:
        """What was said about the KPIs that exist."""
        said = self.cleaned_data
        return Change(
            effective_from=said.get("effective_from", self.today),
            reason=said.get("reason", ""),
            breaks_series=said.get("breaks_series", False),
        )


def _why(refused: ConditionRefused) -> str:
    words = {"line": refused.line, "text": refused.text[:60]}
    return {
        "no_comparison": _("Line %(line)d, “%(text)s”, compares nothing: write column == value."),
        "no_column": _("Line %(line)d, “%(text)s”, names no column."),
        "no_value": _("Line %(line)d, “%(text)s”, has no value to compare with."),
        "not_a_number": _("Line %(line)d, “%(text)s”: less and more compare with a number."),
    }[refused.reason] % words
