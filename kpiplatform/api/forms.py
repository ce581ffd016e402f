"""The form of a new token."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_setup.fields import SUGGESTED
from kpis.forms import DayField
from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from objectives.queries import may_write, units_visible_to

LONGEST_DAYS, USUAL_DAYS = 365, 90


class KpisField(forms.CharField):
    """KPIs by their codes, of `among`: a choice of all of them would be most of the page where there are thousands.

    Where scripts run, what fits the code that is typed last is suggested as `#kpis-named`.
    """

    widget = forms.TextInput(attrs=SUGGESTED | {"hx-get": reverse_lazy("api:named")})
    among: QuerySet[Kpi]

    def to_python(self, value: Any) -> list[Kpi]:
        codes = list(dict.fromkeys(code.upper() for code in re.split(r"[\s,;\0]+", value or "") if code))
        found = {kpi.code: kpi for kpi in self.among.filter(code__in=codes)}
        unknown = [code for code in codes if code not in found]
        if unknown:
            words = {"codes": ", ".join(code[:40] for code in unknown[:5])}
            raise ValidationError(_("You can open no KPI with the code %(codes)s.") % words)
        return list(found.values())


class TokenForm(forms.Form):
    """For what a token is, where, and until when."""

    form = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=80,
        help_text=gettext_lazy("Like “Nightly load from the warehouse”."),
    )
    may_read = forms.BooleanField(label=gettext_lazy("May read KPIs, values and the scorecard"), required=False)
    may_ingest = forms.BooleanField(label=gettext_lazy("May push values"), required=False)
    units = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Only these units and below"),
        queryset=None,
        required=False,
        help_text=gettext_lazy("None chosen, here and below: all that you may open yourself."),
    )
    kpis = KpisField(
        label=gettext_lazy("Only these KPIs"),
        required=False,
        help_text=gettext_lazy("Their codes, separated by commas. Type a part of a name for suggestions."),
    )
    last_day = DayField(label=gettext_lazy("Last day"))

    def __init__(self, data: Any = None, *, user: User, today: date) -> None:
        super().__init__(data, auto_id="token-%s")
        self.today = today
        self.initial = {
            "form": uuid.uuid4(),
            "may_read": True,
            "last_day": today + timedelta(days=USUAL_DAYS),
        }
        self.fields["units"].queryset = units_visible_to(user, today=today)
        self.fields["kpis"].among = kpis_visible_to(user, today=today)
        self.fields["last_day"].help_text = _("At most a year from now.")
        if not may_write(user, today=today):
            del self.fields["may_ingest"]

    def clean_last_day(self) -> date:
        chosen: date = self.cleaned_data["last_day"]
        if not self.today <= chosen <= self.today + timedelta(days=LONGEST_DAYS):
            raise ValidationError(_("Choose a day from today to a year from now."))
        return chosen

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if not said.get("may_read") and not said.get("may_ingest"):
            self.add_error("may_read", _("A token that may do nothing is of no use: choose at least one."))
        return said
