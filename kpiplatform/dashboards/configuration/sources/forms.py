"""Forms about sources."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen, seen_field
from kpis.models import DataSource
from kpis.services.sources import SET_BY_PEOPLE


class TimeInput(forms.TimeInput):
    """A native field for a time of day."""

    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class ScheduleForm(forms.Form):
    """When a source is pulled, how far back, and by whose care."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    is_enabled = forms.BooleanField(label=gettext_lazy("Pulled every day"), required=False)
    pull_at = forms.TimeField(
        label=gettext_lazy("At"),
        widget=TimeInput(),
        help_text=gettext_lazy("Time of day in the organisation's time zone."),
    )
    look_back_days = forms.IntegerField(
        label=gettext_lazy("Looks back, days"),
        min_value=0,
        max_value=3660,
        help_text=gettext_lazy("So many days before the last pull are read again, for rows that come late."),
    )
    may_be_empty = forms.BooleanField(
        label=gettext_lazy("May bring no rows"),
        required=False,
        help_text=gettext_lazy("Otherwise a pull without rows counts as failed."),
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Owner"),
        queryset=User.objects.none(),
        help_text=gettext_lazy("Gets a mail when pulls fail or one is held."),
        empty_label=None,
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, source: DataSource, hands_over: bool) -> None:
        super().__init__(data, auto_id="source-%s")
        self.fields["owner"].disabled = not hands_over
        self.fields["owner"].queryset = User.objects.filter(is_active=True).order_by("name")
        names = ("name", "is_enabled", "pull_at", "look_back_days", "may_be_empty")
        self.initial = {name: getattr(source, name) for name in names}
        self.initial |= {"owner": source.owner_id, "seen": seen(source, SET_BY_PEOPLE)}


class DecisionForm(forms.Form):
    """What becomes of a held pull, and why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("It stands beside every value that is applied, or on the pull that is put aside."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="decision-%s")
