"""The explanation that comes with a value, where its score needs one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpis.domain.periods import Period
from kpis.forms.days import DayField
from kpis.services.entry import Explanation
from kpis.services.keeping import TOLD


class ValueExplanationForm(forms.Form):
    """Why a value is what it is, what is done about it, and from when it is well again; asked only where needed."""

    use_required_attribute = False  # the value may turn out not to need it

    cause = forms.CharField(label=gettext_lazy("Cause"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    action = forms.CharField(label=gettext_lazy("Action"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    recovery_on = DayField(label=gettext_lazy("Back on track by"))

    def __init__(self, data: Any = None, *, period: Period, told: Mapping[str, str] | None = None) -> None:
        super().__init__(data, auto_id="told-%s", initial=told)
        self.period = period

    def clean_recovery_on(self) -> date:
        day: date = self.cleaned_data["recovery_on"]
        if day < self.period.end:
            raise ValidationError(_("The value is well again after the period it explains, not before."))
        return day

    @property
    def is_begun(self) -> bool:
        """Whether anything of it was typed."""
        return self.is_bound and any(self.data.get(name, "").strip() for name in TOLD)

    @property
    def explanation(self) -> Explanation | None:
        """What was told, None as long as something of it is missing."""
        return Explanation(**self.cleaned_data) if self.is_bound and self.is_valid() else None
