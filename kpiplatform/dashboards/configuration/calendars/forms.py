"""Forms about calendars."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from kpiplatform.audit.editing import seen, seen_field
from kpiplatform.dashboards.configuration.tree import choices
from kpis.dates import day
from kpis.domain.holidays import holidays_in
from kpis.domain.periods import Calendar
from kpis.forms import DayField
from kpis.models import PeriodCalendar
from kpis.models.calendar import working_week
from kpis.services.calendars import CUT, Closing
from objectives.models import Unit

WEEKDAYS = [
    (0, gettext_lazy("Monday")),
    (1, gettext_lazy("Tuesday")),
    (2, gettext_lazy("Wednesday")),
    (3, gettext_lazy("Thursday")),
    (4, gettext_lazy("Friday")),
    (5, gettext_lazy("Saturday")),
    (6, gettext_lazy("Sunday")),
]
MONTHS = [
    (1, gettext_lazy("January")),
    (2, gettext_lazy("February")),
    (3, gettext_lazy("March")),
    (4, gettext_lazy("April")),
    (5, gettext_lazy("May")),
    (6, gettext_lazy("June")),
    (7, gettext_lazy("July")),
    (8, gettext_lazy("August")),
    (9, gettext_lazy("September")),
    (10, gettext_lazy("October")),
    (11, gettext_lazy("November")),
    (12, gettext_lazy("December")),
]
PATTERNS = [
    ("calendar", gettext_lazy("calendar months")),
    ("445", gettext_lazy("4-4-5 weeks")),
    ("454", gettext_lazy("4-5-4 weeks")),
    ("544", gettext_lazy("5-4-4 weeks")),
]


def _number_choice(label: Any, options: Any, **more: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, choices=options, coerce=int, **more)


class CalendarForm(forms.Form):
    """How days fall into weeks, months and fiscal years."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    pattern = forms.ChoiceField(label=gettext_lazy("Months are"), choices=PATTERNS)
    fiscal_year_start_month = _number_choice(
        gettext_lazy("The fiscal year begins in"), MONTHS, help_text=gettext_lazy("With calendar months.")
    )
    year_end_month = _number_choice(
        gettext_lazy("The fiscal year ends about the end of"),
        MONTHS,
        help_text=gettext_lazy("With weeks: on the weekday below."),
    )
    year_end_rule = forms.ChoiceField(
        label=gettext_lazy("It ends on"),
        choices=PeriodCalendar.YearEnd.choices,
        help_text=gettext_lazy("With weeks. A 53rd week falls to the last period."),
    )
    year_end_weekday = _number_choice(gettext_lazy("That weekday is"), WEEKDAYS, help_text=gettext_lazy("With weeks."))
    label_rule = forms.ChoiceField(
        label=gettext_lazy("A fiscal year is called after"), choices=PeriodCalendar.LabelRule.choices
    )
    week_start = _number_choice(gettext_lazy("Weeks begin on"), WEEKDAYS)
    working_weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Working days"), choices=WEEKDAYS, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, calendar: PeriodCalendar | None = None) -> None:
        super().__init__(data, auto_id="calendar-%s")
        row = calendar or PeriodCalendar(working_weekdays=working_week())
        self.initial = {name: getattr(row, name) for name in ("name", *CUT, "working_weekdays")}
        self.calendar = calendar
        if calendar is not None:
            self.initial["seen"] = seen(calendar)

    def clean_name(self) -> str:
        name: str = " ".join(self.cleaned_data["name"].split())
        others = PeriodCalendar.objects.filter(name__iexact=name)
        if self.calendar is not None:
            others = others.exclude(pk=self.calendar.pk)
        if others.exists():
            raise ValidationError(_("There is a calendar called %(name)s already.") % {"name": name})
        return name

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if not said.keys() >= set(CUT) or said["pattern"] == "calendar":
            return said
        is_new = self.calendar is None or any(said[name] != self.initial[name] for name in CUT)
        wanted = (said["year_end_weekday"] + 1) % len(WEEKDAYS)
        if is_new and said["week_start"] != wanted:
            weekdays = dict(WEEKDAYS)
            words = {"ends": weekdays[said["year_end_weekday"]], "begins": weekdays[wanted]}
            told = _("A year of whole weeks that ends on a %(ends)s needs weeks that begin on a %(begins)s.") % words
            self.add_error(None, told)
        return said

    def cut(self) -> Calendar | None:
        """Return the calendar as it is typed, None while something is missing."""
        said = self.initial
        if self.is_bound:
            self.full_clean()
            said = self.cleaned_data
        return Calendar(**{name: said[name] for name in CUT}) if said.keys() >= set(CUT) else None


class HolidaysForm(forms.Form):
    """A pasted list of days."""

    days = forms.CharField(
        label=gettext_lazy("Days"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "2026-12-25 Christmas Day"}),
        help_text=gettext_lazy("One per line, like “2026-12-25 Christmas Day” or “25 Dec 2026, Christmas Day”."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="holidays-%s")

    def clean_days(self) -> dict[date, str]:
        found, refused = holidays_in(self.cleaned_data["days"])
        if refused:
            lines = ", ".join(str(number) for number in refused[:8])
            raise ValidationError(
                _("No day was found in line %(lines)s. Write it like 2026-12-25, or 25 Dec 2026.") % {"lines": lines}
            )
        if not found:
            raise ValidationError(_("No day was found."))
        return found


class FollowForm(forms.Form):
    """A unit that follows the calendar."""

    unit = forms.ModelChoiceField(
        label=gettext_lazy("Unit"), queryset=Unit.objects.filter(is_active=True), empty_label=None
    )
    moves_kpis = forms.BooleanField(
        label=gettext_lazy("KPIs that the unit and those below have follow it, too"),
        required=False,
        initial=True,
        help_text=gettext_lazy(
            "Those keep theirs whose values would be of other periods, or whose locked periods would open. "
            "Due dates are counted anew."
        ),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="follow-%s")
        self.fields["unit"].choices = choices(Unit.objects.filter(is_active=True))


class LockForm(forms.Form):
    """Which periods are closed to writing."""

    until = DayField(
        label=gettext_lazy("Locked up to and with"),
        help_text=gettext_lazy("Periods that end on or before this day."),
    )
    unit = forms.ModelChoiceField(
        label=gettext_lazy("For"),
        queryset=Unit.objects.filter(is_active=True),
        required=False,
        empty_label=gettext_lazy("every unit"),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)
    sure = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="lock-%s")
        self.fields["unit"].choices = [("", _("every unit")), *choices(Unit.objects.filter(is_active=True))]

    @property
    def is_sure(self) -> bool:
        """Whether exactly this was asked about."""
        return bool(self.cleaned_data["sure"] == self._asked)

    @property
    def _asked(self) -> str:
        unit = self.cleaned_data["unit"]
        return f"{self.cleaned_data['until']}/{unit.pk if unit else 'all'}"

    def ask(self, closing: Closing) -> None:
        """Say what would be closed for good, and what of it nobody has decided yet; sent once more, it is done."""
        words = {"until": day(self.cleaned_data["until"]), "unit": self.cleaned_data["unit"] or _("every unit")}
        told = ngettext(
            "%(n)s recorded value that ends up to %(until)s will be closed, for %(unit)s.",
            "%(n)s recorded values that end up to %(until)s will be closed, for %(unit)s.",
            closing.values,
        )
        self.add_error(None, told % {**words, "n": f"{closing.values:,}"})
        if left := _undecided(closing):
            self.add_error(None, _("Still undecided there: %(what)s.") % {"what": ", ".join(left)})
        self.add_error(None, _("A lock is not taken back. Send it once more if you are sure."))
        self.data = self.data.copy()
        self.data["sure"] = self._asked


def _undecided(closing: Closing) -> list[str]:
    said = (
        (closing.provisional, ngettext("%(n)s provisional value", "%(n)s provisional values", closing.provisional)),
        (
            closing.unapproved,
            ngettext("%(n)s value that waits for approval", "%(n)s values that wait for approval", closing.unapproved),
        ),
        (closing.held, ngettext("%(n)s value of a held pull", "%(n)s values of held pulls", closing.held)),
    )
    return [words % {"n": f"{count:,}"} for count, words in said if count]
