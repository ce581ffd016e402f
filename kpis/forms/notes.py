"""What people write on the page of a KPI: notes on the chart, comments, explanations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.audit.editing import seen, seen_field
from kpis.dates import short_label, span_label
from kpis.domain.periods import Frequency, Period, period_of, previous_period
from kpis.forms.days import DayField
from kpis.models import Annotation, Kpi
from kpis.queries import calendar_of

DAY = timedelta(days=1)
EXPLAINABLE = 12


def recent_periods(kpi: Kpi, *, today: date, count: int = EXPLAINABLE) -> list[Period]:
    """Return the latest periods of the KPI that have begun, newest first; `kpi` comes with its calendar."""
    calendar = calendar_of(kpi.calendar)
    periods = [period_of(today, kpi.frequency, calendar)]
    while len(periods) < count:
        periods.append(previous_period(periods[-1], calendar))
    return periods


def period_name(period: Period) -> str:
    """Return what a period is called in a choice or a sentence, like “W46, 9–15 Nov”."""
    if period.frequency is Frequency.WEEK:
        return f"{short_label(period)}, {span_label(period)}"
    return short_label(period)


class AnnotationForm(forms.Form):
    """A remark on a day or several."""

    day = DayField(label=gettext_lazy("Day"))
    until = DayField(label=gettext_lazy("To"), required=False)
    text = forms.CharField(label=gettext_lazy("Note"), max_length=300)
    seen = seen_field()

    def __init__(
        self, data: Any = None, *, today: date, first_day: date | None = None, changes: Annotation | None = None
    ) -> None:
        super().__init__(data, auto_id="note-%s", initial={"day": first_day or today})
        self.today = today
        if changes is not None:
            last = changes.period_end - DAY
            until = last if last > changes.period_start else None
            self.initial = {"day": changes.period_start, "until": until, "text": changes.text, "seen": seen(changes)}

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day > self.today:
            raise ValidationError(_("A note marks what has happened: choose a day up to today."))
        return day

    def clean(self) -> dict[str, Any]:
        day, until = self.cleaned_data.get("day"), self.cleaned_data.get("until")
        if day and until and until < day:
            self.add_error("until", _("The last day lies before the first."))
        return self.cleaned_data

    @property
    def end(self) -> date:
        """The day after the last one."""
        return (self.cleaned_data["until"] or self.cleaned_data["day"]) + DAY


class CommentForm(forms.Form):
    """A remark in the thread."""

    body = forms.CharField(
        label=gettext_lazy("Comment"),
        max_length=4000,
        widget=forms.Textarea(
            attrs={"rows": 2, "placeholder": gettext_lazy("Comment, question or answer; @ names a person")}
        ),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="comment-%s")


class ExplanationForm(forms.Form):
    """Why a value is what it is, what is done about it, and from when it is well again."""

    period = forms.ChoiceField(label=gettext_lazy("Period"))
    cause = forms.CharField(label=gettext_lazy("Cause"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    action = forms.CharField(label=gettext_lazy("Action"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    recovery_on = DayField(label=gettext_lazy("Back on track by"))

    def __init__(self, data: Any = None, *, periods: Sequence[Period]) -> None:
        super().__init__(data, auto_id="explain-%s")
        self.fields["period"].choices = [(period.start.isoformat(), period_name(period)) for period in periods]
        if len(periods) > 1:
            self.initial["period"] = periods[1].start.isoformat()  # the first one is still running
        self.fields["cause"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        period, recovery = self.cleaned_data.get("period"), self.cleaned_data.get("recovery_on")
        if period and recovery and recovery <= date.fromisoformat(period):
            self.add_error("recovery_on", _("The value is well again after the period it explains, not before."))
        return self.cleaned_data
