"""What people say when they change what has been recorded: bringing a version back, reopening what is locked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from kpis.forms.days import DayField
from kpis.services.reopening import DAYS_OPEN


def _reason(label: Any, hint: Any = "") -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 2, "autofocus": True})
    return forms.CharField(label=label, help_text=hint, max_length=400, widget=area)


class BringBackForm(forms.Form):
    """Why an earlier version of a value holds again; `seq` is the revision that the person saw."""

    note = _reason(
        gettext_lazy("Reason for bringing it back"),
        gettext_lazy("It stands beside the old and the new value for everyone who reads them."),
    )
    seq = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, seq: int) -> None:
        super().__init__(data, auto_id="back-%s", initial={"seq": seq})

    def show_again(self, seq: int) -> None:
        """Let what was typed be sent again for the revision that stands now."""
        self.data = self.data.copy()
        self.data["seq"] = str(seq)


class AskForm(forms.Form):
    """Why a locked period is to be written again."""

    reason = _reason(
        gettext_lazy("Why it has to be reopened"),
        gettext_lazy("It stays beside the request, whatever is decided."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="ask-%s")


class ApproveForm(forms.Form):
    """Until when a period stays open."""

    last_day = DayField(
        label=gettext_lazy("Open until the end of"),
        help_text=gettext_lazy("Then it is closed again by itself."),
    )

    def __init__(self, data: Any = None, *, today: date) -> None:
        super().__init__(data, auto_id="approve-%s", initial={"last_day": today + timedelta(days=DAYS_OPEN)})


class RejectForm(forms.Form):
    """Why a period stays closed."""

    rejection = _reason(gettext_lazy("Why it stays closed"))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="reject-%s")
        del self.fields["rejection"].widget.attrs["autofocus"]
