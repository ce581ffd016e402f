"""Forms about people."""

from __future__ import annotations

import zoneinfo
from datetime import date
from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services.people import PARTICULARS
from kpiplatform.audit.editing import seen, seen_field
from kpiplatform.dashboards.configuration.tree import choices
from kpis.forms import DayField
from objectives.models import Role, Unit

NO_PLACES = {"Factory", "localtime"}


@cache
def time_zones() -> list[tuple[str, str]]:
    """Return every time zone by its name, read with spaces; what only this machine knows is none."""
    return [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones() - NO_PLACES)]


def time_zone_field() -> forms.ChoiceField:
    """Return a field to choose a time zone; nothing is typed that does not exist."""
    return forms.ChoiceField(label=gettext_lazy("Time zone"), choices=time_zones)


class PersonForm(forms.Form):
    """What a person is called and where they are reached."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    email = forms.EmailField(label=gettext_lazy("Email address"), max_length=254)
    time_zone = time_zone_field()
    seen = seen_field()

    def __init__(self, data: Any = None, *, person: User | None = None, time_zone: str = "UTC") -> None:
        super().__init__(data, auto_id="person-%s")
        self.person = person
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["email"].widget.attrs["autocomplete"] = "off"
        self.initial = {"time_zone": time_zone}
        if person is not None:
            self.initial = {name: getattr(person, name) for name in PARTICULARS}
            self.initial["seen"] = seen(person, PARTICULARS)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        others = User.objects.filter(email__iexact=email)
        if self.person is not None:
            others = others.exclude(pk=self.person.pk)
        if other := others.first():
            if not other.is_active:
                raise ValidationError(
                    _("%(name)s had this address and may not sign in any more: let them in again instead.")
                    % {"name": other.name}
                )
            raise ValidationError(_("%(name)s has this address already.") % {"name": other.name})
        return email


class RoleForm(forms.Form):
    """A role in a unit and all below it."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=Role.choices,
        initial=Role.MEMBER,
        help_text=gettext_lazy(
            "Executives read all strategic KPIs, managers and team members those of their unit and below. "
            "Admins read and configure everything, whichever unit is chosen. Auditors only read."
        ),
    )
    unit = forms.ModelChoiceField(
        label=gettext_lazy("Unit"), queryset=Unit.objects.filter(is_active=True), empty_label=None
    )
    valid_until = DayField(
        label=gettext_lazy("Last day"),
        required=False,
        help_text=gettext_lazy("Auditors need one; for others the role stays until it is ended."),
    )

    def __init__(self, data: Any = None, *, today: date, prefix: str | None = None) -> None:
        super().__init__(data, auto_id="role-%s", prefix=prefix)
        self.today = today
        self.fields["unit"].choices = choices(Unit.objects.filter(is_active=True))

    def clean(self) -> dict[str, Any]:
        until = self.cleaned_data.get("valid_until")
        if until and until < self.today:
            self.add_error("valid_until", _("The last day lies in the past."))
        if self.cleaned_data.get("role") == Role.AUDITOR and not until and "valid_until" not in self.errors:
            self.add_error("valid_until", _("An auditor's role ends on a day: say which."))
        return self.cleaned_data


class InviteForm(PersonForm, RoleForm):
    """A new person with their first role."""

    field_order = ["name", "email", "role", "unit", "valid_until", "time_zone"]

    def __init__(self, data: Any = None, *, today: date, time_zone: str) -> None:
        forms.Form.__init__(self, data, auto_id="invite-%s", initial={"time_zone": time_zone})
        self.person, self.today = None, today
        self.fields["unit"].choices = choices(Unit.objects.filter(is_active=True))
        for name in ("name", "email"):
            self.fields[name].widget.attrs["autocomplete"] = "off"


class HandOverForm(forms.Form):
    """To whom one thing goes."""

    to = forms.ModelChoiceField(label=gettext_lazy("New owner"), queryset=User.objects.none())

    def __init__(self, data: Any = None, *, leaving: User, auto_id: str = "to-%s") -> None:
        super().__init__(data, auto_id=auto_id)
        self.fields["to"].queryset = User.objects.filter(is_active=True).exclude(pk=leaving.pk).order_by("name")
