"""Forms about units and the organisation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.audit.editing import seen, seen_field
from kpiplatform.dashboards.configuration.people.forms import time_zone_field
from kpiplatform.dashboards.configuration.tree import choices
from objectives.models import Organisation, Unit


class OrganisationForm(forms.Form):
    """What the organisation is called, and where its days begin."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    time_zone = time_zone_field()
    seen = seen_field()

    def __init__(self, data: Any = None, *, organisation: Organisation) -> None:
        super().__init__(data, auto_id="organisation-%s")
        self.fields["time_zone"].help_text = _(
            "Days, weeks and due dates begin at midnight there; sources are pulled by its clock."
        )
        self.initial = {
            "name": organisation.name,
            "time_zone": organisation.time_zone,
            "seen": seen(organisation),
        }


class UnitForm(forms.Form):
    """A unit: its name, and the unit above."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    parent = forms.ModelChoiceField(
        label=gettext_lazy("Belongs to"), queryset=Unit.objects.filter(is_active=True), empty_label=None, required=False
    )
    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Short, for addresses and files; it stays. Left empty, it is made of the name."),
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, unit: Unit | None = None) -> None:
        super().__init__(data, auto_id="unit-%s")
        units = Unit.objects.filter(is_active=True)
        self.unit = unit
        if unit is not None:
            del self.fields["code"]
            units = units.exclude(path__startswith=unit.path)
            self.initial = {"name": unit.name, "parent": unit.parent_id, "seen": seen(unit)}
        if unit is not None and unit.parent_id is None:
            del self.fields["parent"]
            return
        self.fields["parent"].choices = choices(units)
        self.fields["parent"].required = units.exists()

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if not name:
            raise ValidationError(_("A unit has a name."))
        return name
