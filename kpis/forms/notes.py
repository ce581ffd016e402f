"""What people write on the page of a KPI: notes on the chart, comments, explanations, corrected values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.audit.editing import seen, seen_field
from kpis.dates import short_label, span_label
from kpis.domain.entry_checks import EntryRefused, Problem, language_of, typed_number, typed_text
from kpis.domain.figures import MARKS
from kpis.domain.periods import Frequency, Period, period_of, previous_period
from kpis.models import Annotation, Kpi, Measurement
from kpis.queries import calendar_of
from kpis.services.entry import takes_parts

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


class DayInput(forms.DateInput):
    """A native date field."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class AnnotationForm(forms.Form):
    """A remark on a day or several."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=DayInput())
    until = forms.DateField(label=gettext_lazy("To"), widget=DayInput(), required=False)
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
    recovery_on = forms.DateField(label=gettext_lazy("Back on track by"), widget=DayInput())

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


class CorrectionForm(forms.Form):
    """The value of one period, or both parts of a ratio, or why it does not apply; and the reason for the change."""

    value = forms.CharField(max_length=64, required=False)
    numerator = forms.CharField(max_length=64, required=False)
    denominator = forms.CharField(max_length=64, required=False)
    not_applicable = forms.CharField(
        label=gettext_lazy("Does not apply, because"),
        help_text=gettext_lazy("Only if the period has no value at all. Zero is a value."),
        max_length=200,
        required=False,
    )
    note = forms.CharField(
        label=gettext_lazy("Reason for the change"),
        help_text=gettext_lazy("It stands beside the old and the new value for everyone who reads them."),
        max_length=400,
        required=False,
    )
    seq = forms.IntegerField(min_value=0, widget=forms.HiddenInput)  # the revision that the person saw

    def __init__(self, data: Any = None, *, kpi: Kpi, period: Period, present: Measurement | None, locale: str) -> None:
        super().__init__(data, auto_id="correct-%s")
        self.kpi, self.period, self.locale = kpi, period, locale
        self.numbers: dict[str, Decimal | None] = {}
        self.seq_shown = present.seq if present else 0
        wanted = ("numerator", "denominator") if takes_parts(kpi) else ("value",)
        labels = {
            "value": _("Value, %(unit)s") % {"unit": kpi.measure_unit} if kpi.measure_unit else _("Value"),
            "numerator": kpi.numerator_label or _("Numerator"),
            "denominator": kpi.denominator_label or _("Denominator"),
        }
        for name, label in labels.items():
            if name not in wanted:
                del self.fields[name]
                continue
            self.fields[name].label = label[:1].upper() + label[1:]
            self.fields[name].required = not (data and data.get("not_applicable", "").strip())
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off", "class": "num"}
            decimals = kpi.decimals if name == "value" else 0
            self.initial[name] = typed_text(getattr(present, name, None), decimals, locale=locale)
        self.fields[wanted[0]].widget.attrs["autofocus"] = True
        if present is not None and present.state == "not_applicable":
            self.initial["not_applicable"] = present.reason
        # What a source feeds is changed with a reason; for other KPIs the service knows who has read the value.
        self.fields["note"].required = kpi.entry == Kpi.Entry.SOURCE

    def clean(self) -> dict[str, Any]:
        self.seq_shown = self.cleaned_data.get("seq", self.seq_shown)
        if self.cleaned_data.get("not_applicable"):
            return self.cleaned_data
        for name in ("value", "numerator", "denominator"):
            if name in self.fields and name not in self.errors:
                self._read(name)
        return self.cleaned_data

    @property
    def number_fields(self) -> list[forms.BoundField]:
        """The fields that take numbers."""
        return [self[name] for name in ("value", "numerator", "denominator") if name in self.fields]

    def _read(self, name: str) -> None:
        text = self.cleaned_data.get(name, "")
        try:
            self.numbers[name] = typed_number(text, locale=self.locale, percent=self.kpi.measure_unit == "%")
        except EntryRefused as refused:
            self.add_error(name, self.why_refused(refused, text))

    def refuse(self, refused: EntryRefused) -> None:
        """Add what the service found wrong to the field it is about."""
        field = "note" if refused.problem is Problem.REASON_WANTED else next(iter(self.fields))
        self.add_error(field, self.why_refused(refused, self.cleaned_data.get(field, "")))

    def says_the_same(self, present: Measurement | None) -> bool:
        """Return whether the stored value is the one the form asks for."""
        if present is None or present.reason != self.cleaned_data["not_applicable"]:
            return False
        return all(getattr(present, name) == number for name, number in self.numbers.items())

    def why_refused(self, refused: EntryRefused, text: str) -> str:
        """Say in a sentence why a value is not taken."""
        mark = MARKS.get(language_of(self.locale), MARKS["en"])[1]
        low, high = (typed_text(bound, 0, locale=self.locale) for bound in (refused.low, refused.high))
        words = {"text": text.strip()[:40], "mark": mark, "low": low, "high": high}
        match refused.problem:
            case Problem.NOT_A_NUMBER:
                return _("“%(text)s” is not a number.") % words
            case Problem.AMBIGUOUS | Problem.OTHER_MARK:
                return _("“%(text)s” can be read in two ways: your decimal mark is “%(mark)s”.") % words
            case Problem.TOO_LARGE:
                return _("A value has at most 20 digits before the decimal mark.")
            case Problem.OUTSIDE:
                return _("This KPI lies between %(low)s and %(high)s.") % words
            case Problem.BELOW:
                return _("This KPI is at least %(low)s.") % words
            case Problem.ABOVE:
                return _("This KPI is at most %(high)s.") % words
            case Problem.NOT_BEGUN:
                return _("%(period)s has not begun.") % {"period": period_name(self.period)}
            case Problem.REASON_WANTED:
                return _("Others have read the present value: say why it changes.")
            case _:
                return _("This KPI is computed from others and takes no value.")
