"""Which spreadsheet goes out, and what is confirmed of one that came back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.dashboards.fill_in.book import COLUMNS, ROWS
from kpiplatform.dashboards.fill_in.places import ALL, MINE
from kpiplatform.dashboards.fill_in.preview import Preview

LONGEST_REASON = 200


class BookForm(forms.Form):
    """What the spreadsheet holds and how it is laid out."""

    whose = forms.ChoiceField(
        label=gettext_lazy("KPIs"),
        choices=[
            (MINE, gettext_lazy("those I own, deputise or steward")),
            (ALL, gettext_lazy("all that are entered by hand")),
        ],
        initial=MINE,
    )
    layout = forms.ChoiceField(
        label=gettext_lazy("Layout"),
        choices=[
            (COLUMNS, gettext_lazy("dates in columns, one sheet per frequency")),
            (ROWS, gettext_lazy("one row per value")),
        ],
        initial=COLUMNS,
    )
    periods = forms.IntegerField(label=gettext_lazy("Latest periods"), min_value=1, max_value=60, initial=12)

    def __init__(self, data: Any = None, *, chooses_all: bool) -> None:
        super().__init__(data, auto_id="book-%s")
        if not chooses_all:
            del self.fields["whose"]


class ConfirmForm(forms.Form):
    """What is asked before the values of a spreadsheet count."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=LONGEST_REASON,
        required=False,
        help_text=gettext_lazy("It stands beside every value of the file."),
    )
    sure = forms.BooleanField(label=gettext_lazy("The unusual moves are right"), required=False)
    looked_at = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, preview: Preview) -> None:
        super().__init__(data, auto_id="confirm-%s", initial={"looked_at": preview.seen})
        self.preview = preview
        self.fields["reason"].required = preview.wants_reason
        if not preview.is_unusual:
            del self.fields["sure"]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("looked_at") != self.preview.seen:
            self.data = self.data.copy()
            self.data[self.add_prefix("looked_at")] = self.preview.seen
            raise ValidationError(
                _("Something changed since you looked. Nothing was recorded: look at it again, then confirm.")
            )
        if "sure" in self.fields and not said.get("sure"):
            self.add_error("sure", _("Say that they are right, or correct the file."))
        return said
