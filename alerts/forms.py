"""Answering an alert: cause, action and recovery date in one form."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpis.forms import DayField


class AnswerForm(forms.Form):
    """Why it is so, what is done about it, and from when it is well again."""

    cause = forms.CharField(label=gettext_lazy("Cause"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    action = forms.CharField(label=gettext_lazy("Action"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    recovery_on = DayField(label=gettext_lazy("Back on track by"))

    def __init__(self, data: Any = None, *, today: date) -> None:
        super().__init__(data, auto_id="answer-%s")
        self.today = today

    def clean_recovery_on(self) -> date:
        day: date = self.cleaned_data["recovery_on"]
        if day < self.today:
            raise ValidationError(_("It is not on track yet: choose a day from today on."))
        return day
