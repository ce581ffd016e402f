"""Forms about sources."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen, seen_field
from kpiplatform.dashboards.configuration.sources.changes import Changes
from kpis.domain.schedule import HOURS_APART
from kpis.forms import DayField
from kpis.models import DataSource
from kpis.services.freshness import is_scheduled
from kpis.services.sources import SET_BY_PEOPLE

OF_A_SCHEDULE = ("repeats", "pull_at", "hours_apart", "weekdays", "day_of_month", "is_snapshot", "look_back_days")


class TimeInput(forms.TimeInput):
    """A native field for a time of day."""

    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class FileForm(forms.Form):
    """The next file of a source whose files people send in."""

    sent = forms.FileField(label=gettext_lazy("File"), allow_empty_file=True)

    def __init__(self, data: Any = None, files: Any = None, *, source: DataSource) -> None:
        super().__init__(data, files, auto_id="file-%s")
        newest = source.uploads.first()
        if newest is not None:
            self.fields["sent"].help_text = _("%(name)s was sent in last.") % {"name": newest}


class ScheduleForm(forms.Form):
    """When a source is pulled, how far back, and by whose care."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    is_enabled = forms.BooleanField(label=gettext_lazy("Pulled by its schedule"), required=False)
    repeats = forms.ChoiceField(label=gettext_lazy("How often"), choices=DataSource.Repeats.choices)
    pull_at = forms.TimeField(
        label=gettext_lazy("At"),
        widget=TimeInput(),
        help_text=gettext_lazy("Time of day in the organisation's time zone."),
    )
    hours_apart = forms.TypedChoiceField(
        label=gettext_lazy("Hours between two pulls"),
        coerce=int,
        choices=[(hours, hours) for hours in HOURS_APART],
        help_text=gettext_lazy("Counts for every few hours: from the time above on, round the clock."),
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Weekdays"),
        coerce=int,
        choices=[(day + 1, WEEKDAYS[day]) for day in range(7)],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Count for some weekdays."),
    )
    day_of_month = forms.IntegerField(
        label=gettext_lazy("Day of the month"),
        min_value=1,
        max_value=31,
        help_text=gettext_lazy("Counts for once a month; a shorter month takes its last day."),
    )
    is_snapshot = forms.BooleanField(
        label=gettext_lazy("It has no history: what it says is of the day it is asked"),
        required=False,
        help_text=gettext_lazy("A day on which nobody asked stays a gap for ever."),
    )
    look_back_days = forms.IntegerField(
        label=gettext_lazy("Looks back, days"),
        min_value=0,
        max_value=3660,
        help_text=gettext_lazy(
            "So many days before the last pull are read again, for rows that come late; of a file, for KPIs by month or"
            " longer, also the last two periods."
        ),
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
        self.is_scheduled = is_scheduled(source)
        if not self.is_scheduled:
            self.fields["is_enabled"].label = _("Files are read when they come")
        for name in OF_A_SCHEDULE:  # a file that is sent in is read when it comes
            self.fields[name].disabled = not self.is_scheduled
        self.fields["owner"].queryset = User.objects.filter(is_active=True).order_by("name")
        self.initial = {name: getattr(source, name) for name in SET_BY_PEOPLE if name != "owner_id"}
        self.initial |= {"owner": source.owner_id, "seen": seen(source, SET_BY_PEOPLE)}


class AgainForm(forms.Form):
    """From which day on a source is read again, and why."""

    since = DayField(
        label=gettext_lazy("Read again from"),
        help_text=gettext_lazy("From the first day of the period it lies in. Locked periods keep their values."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("It stands beside every value that the pull changes, like “late bookings of October”."),
    )

    def __init__(self, data: Any = None, *, today: date) -> None:
        super().__init__(data, auto_id="again-%s")
        self.today = today

    def clean_since(self) -> date:
        since: date = self.cleaned_data["since"]
        if since >= self.today:
            raise forms.ValidationError(_("Only days that are over can be read again: choose one before today."))
        return since


class DecisionForm(forms.Form):
    """What becomes of a held pull, and why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("It stands beside every value that is applied, or on the pull that is put aside."),
    )

    # Which changes were shown: no row tells, since it is values of KPIs that may change meanwhile.
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, changes: Changes) -> None:
        super().__init__(data, auto_id="decision-%s", initial={"shown": changes.seen})
        self.changes = changes

    def clean(self) -> dict[str, Any]:
        """Refuse a decision about other changes than those that would be made now."""
        said = super().clean() or {}
        if self.changes.seen and said.get("shown") not in {"", self.changes.seen}:
            self.data = self.data.copy()
            self.data["shown"] = self.changes.seen
            says = _("Values changed since you looked, and the pull would change others now. Look again, then decide.")
            self.add_error(None, says)
        return said
