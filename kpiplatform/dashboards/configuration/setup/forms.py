"""The forms of the first run."""

from __future__ import annotations

from datetime import date
from email.utils import parseaddr
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.configuration.people.forms import RoleForm, time_zone_field
from kpis.domain.periods import Calendar, period_of
from kpis.forms import DayField
from objectives.models import Perspective

PERSPECTIVES = (
    gettext_lazy("Financial"),
    gettext_lazy("Customer"),
    gettext_lazy("Internal process"),
    gettext_lazy("Learning and growth"),
)
UNITS_AT_ONCE, PEOPLE_AT_ONCE = 200, 100


class OrganisationStep(forms.Form):
    """What the organisation is called, and where its days begin."""

    name = forms.CharField(label=gettext_lazy("Name of the organisation"), max_length=120)
    time_zone = time_zone_field()

    def __init__(self, data: Any = None, *, name: str = "", time_zone: str = "UTC") -> None:
        super().__init__(data, auto_id="step-%s", initial={"name": name, "time_zone": time_zone})
        self.fields["time_zone"].help_text = _("Days, weeks and due dates begin at midnight there.")


class UnitsStep(forms.Form):
    """A pasted list of units; spaces in front hang a unit below the one before."""

    units = forms.CharField(
        label=gettext_lazy("Units"),
        required=False,
        max_length=20_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "placeholder": gettext_lazy("Sales\n  Sales North\nOperations")}),
        help_text=gettext_lazy(
            "One per line, two spaces in front for a unit below the one before. The organisation itself is the unit "
            "at the top. Leave it empty to begin with that one only."
        ),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="step-%s")

    def clean_units(self) -> list[tuple[int, str]]:
        found = []
        for line in self.cleaned_data["units"].expandtabs(2).splitlines():
            name = " ".join(line.split())
            if name:
                found.append(((len(line) - len(line.lstrip())) // 2, name))
            if len(name) > 120:
                raise ValidationError(_("“%(name)s…” is longer than 120 characters.") % {"name": name[:30]})
        if len(found) > UNITS_AT_ONCE:
            raise ValidationError(_("More than 200 units at once: add the others afterwards."))
        return found


class ObjectiveStep(forms.Form):
    """The first objective, and the plan that it begins."""

    name = forms.CharField(
        label=gettext_lazy("Objective"),
        max_length=160,
        help_text=gettext_lazy("What you want, as a verb phrase, like “Leave and arrive on time”."),
    )
    perspective = forms.ChoiceField(
        label=gettext_lazy("Perspective"),
        help_text=gettext_lazy("The Balanced Scorecard's four; names and order can be changed later."),
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Owner"), queryset=User.objects.filter(is_active=True).order_by("name"), empty_label=None
    )
    plan = forms.CharField(label=gettext_lazy("Strategy plan"), max_length=120)
    starts_on = DayField(label=gettext_lazy("From"))
    ends_on = DayField(label=gettext_lazy("To"))

    def __init__(self, data: Any = None, *, by: User, calendar: Calendar, today: date) -> None:
        super().__init__(data, auto_id="step-%s")
        year = period_of(today, "year", calendar)
        names = list(Perspective.objects.filter(plan__is_active=True).values_list("name", flat=True))
        self.fields["perspective"].choices = [(str(name), name) for name in names or PERSPECTIVES]
        self.initial = {
            "owner": by.pk,
            "plan": _("Strategy %(year)s") % {"year": year.key},
            "starts_on": year.start,
            "ends_on": year.last_day,
        }

    def clean(self) -> dict[str, Any]:
        starts, ends = self.cleaned_data.get("starts_on"), self.cleaned_data.get("ends_on")
        if starts and ends and ends <= starts:
            self.add_error("ends_on", _("The plan ends before it begins."))
        return self.cleaned_data


class PeopleStep(RoleForm):
    """People to invite at once, all with the same role."""

    people = forms.CharField(
        label=gettext_lazy("People"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6, "placeholder": "Ana Example <ana@example.com>"}),
        help_text=gettext_lazy("One per line: name and address. Each gets a mail with a link to choose a password."),
    )
    field_order = ["people", "role", "unit", "valid_until"]

    def clean_people(self) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        for number, line in enumerate(self.cleaned_data["people"].splitlines(), start=1):
            if not line.strip():
                continue
            name, email = parseaddr(line.strip().rstrip(",;"))
            try:
                validate_email(email)
            except ValidationError:
                raise ValidationError(
                    _("Line %(n)d has no mail address. Write it like “Ana Example <ana@example.com>”.") % {"n": number}
                ) from None
            found[email.lower()] = name or email.partition("@")[0].replace(".", " ").title()
        known = User.objects.filter(email__in=found).values_list("email", flat=True)
        if known:
            raise ValidationError(_("Somebody has this address already: %(email)s.") % {"email": ", ".join(known)})
        if len(found) > PEOPLE_AT_ONCE:
            raise ValidationError(_("More than 100 people at once: invite the others afterwards."))
        return [(name[:120], email) for email, name in found.items()]
