"""How a list of KPIs is to be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.configuration.tree import choices
from kpiplatform.dashboards.kpi_list.columns import BY_NAME, COLUMNS, recognised
from kpiplatform.dashboards.kpi_list.lines import Wanted
from kpiplatform.dashboards.strategy.queries import active_plan
from kpis.forms import DayField
from objectives.models import Perspective, Unit

COLUMN = "column_"
YEARS_AROUND = 5


class ReadingForm(forms.Form):
    """Which column is what, and what is done where something lacks. Columns are recognised before anybody chooses."""

    sheet = forms.ChoiceField(label=gettext_lazy("Sheet"), required=False)
    head_row = forms.IntegerField(
        label=gettext_lazy("Line of the column names"), min_value=1, help_text=gettext_lazy("Lines above are not read.")
    )
    columns_of = forms.CharField(widget=forms.HiddenInput, required=False)
    create_objectives = forms.BooleanField(label=gettext_lazy("Make objectives that nobody has"), required=False)
    perspective = forms.ModelChoiceField(
        label=gettext_lazy("New objectives go into the perspective"),
        queryset=Perspective.objects.none(),
        required=False,
        empty_label=gettext_lazy("choose one"),
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Owner where nobody is found"),
        queryset=User.objects.none(),
        required=False,
        empty_label=gettext_lazy("nobody: the line is refused"),
    )
    unit = forms.ModelChoiceField(
        label=gettext_lazy("Unit where none is named"), queryset=Unit.objects.filter(is_active=True), empty_label=None
    )
    activate = forms.BooleanField(
        label=gettext_lazy("Activate new ones that are complete"),
        required=False,
        help_text=gettext_lazy("With target and red flag, or not scored. All others become drafts."),
    )

    effective_from = DayField(
        label=gettext_lazy("Changes hold from"), required=False, help_text=gettext_lazy("Empty: today.")
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("It stands beside every change of an active KPI."),
    )
    looked_at = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, data: Any = None, *, sheets: Sequence[str], heads: Sequence[str], chosen: dict[str, Any]
    ) -> None:
        super().__init__(data, auto_id="list-%s", initial=chosen)
        self.heads = heads
        self.fields["sheet"].choices = [(name, name) for name in sheets]
        self.fields["perspective"].queryset = Perspective.objects.filter(plan=active_plan())
        self.fields["owner"].queryset = User.objects.filter(is_active=True).order_by("name")
        self.fields["unit"].choices = choices(Unit.objects.filter(is_active=True))
        if len(sheets) < 2:
            del self.fields["sheet"]
        ours = [("", _("is not read")), *((column.name, column.label) for column in COLUMNS)]
        found = recognised(heads)
        for place, head in enumerate(heads):
            name = f"{COLUMN}{place}"
            self.fields[name] = forms.ChoiceField(
                label=head or _("Column %(n)d") % {"n": place + 1}, choices=ours, required=False
            )
            self.initial.setdefault(name, found.get(place, ""))

    def columns(self) -> list[forms.BoundField]:
        """Return the fields that say which column is what."""
        return [self[f"{COLUMN}{place}"] for place in range(len(self.heads))]

    def others(self) -> list[forms.BoundField]:
        """Return the other fields."""
        apart = {field.name for field in (*self.columns(), *self.of_changes())}
        return [field for field in self if field.name not in apart and not field.is_hidden]

    def of_changes(self) -> list[forms.BoundField]:
        """Return the fields about changes of KPIs that exist."""
        return [self["effective_from"], self["reason"]]

    def clean_effective_from(self) -> date:
        today = localdate()
        chosen: date = self.cleaned_data["effective_from"] or today
        if abs(chosen.year - today.year) > YEARS_AROUND:
            raise ValidationError(_("Choose a day within five years of today."))
        return chosen

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        names = [said[f"{COLUMN}{place}"] for place in range(len(self.heads)) if said.get(f"{COLUMN}{place}")]
        for twice in sorted({name for name in names if names.count(name) > 1}):
            raise ValidationError(_("%(column)s is chosen for two columns.") % {"column": BY_NAME[twice].label})
        if not {"name", "code"} & set(names):
            raise ValidationError(_("Say which column is the name, or the code of KPIs that exist."))
        if said.get("create_objectives") and said.get("perspective") is None:
            self.add_error("perspective", _("Choose where new objectives go."))
        return said

    def wanted(self, *, by: User, now: datetime, today: date) -> Wanted:
        """Return how the list is to be read."""
        said = self.cleaned_data
        return Wanted(
            columns={place: said[f"{COLUMN}{place}"] for place in range(len(self.heads)) if said[f"{COLUMN}{place}"]},
            create_objectives=said["create_objectives"],
            perspective_id=said["perspective"].pk if said["perspective"] else None,
            owner=said["owner"],
            unit=said["unit"],
            activate=said["activate"],
            effective_from=said["effective_from"],
            reason=said["reason"],
            by=by,
            locale=by.locale,
            now=now,
            today=today,
        )
