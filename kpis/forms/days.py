"""Days in forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from kpis.domain.days import FIRST_YEAR, LAST_YEAR, is_known


class DayInput(forms.DateInput):
    """A native date field."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class DayField(forms.DateField):
    """A day that calendars know: the year 20226 is a typing error."""

    widget = DayInput

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is not None and not is_known(value):
            years = {"first": FIRST_YEAR, "last": LAST_YEAR}
            raise ValidationError(_("Enter a day from the years %(first)s to %(last)s.") % years)
