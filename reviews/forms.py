"""What people type around reviews: a forum and its rule, notes of a meeting, decisions, actions."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen_field
from kpis.forms import DayField
from kpis.models import Kpi
from objectives.models import Unit
from reviews.domain.cadence import Cadence
from reviews.models import Decision, Forum
from reviews.words import ORDINALS

NOTHING = ("", gettext_lazy("as the first meeting"))
# What each rule asks for; everything else that stands in the form is left aside.
ASKED_BY = {
    "daily": (),
    "weekly": ("weekday",),
    "monthly": ("weekday", "nth_week", "day_of_month"),
    "quarterly": ("weekday", "nth_week", "day_of_month", "month_of_quarter"),
}
CADENCE_FIELDS = ("weekday", "nth_week", "day_of_month", "month_of_quarter")


def numbered(label: Any, choices: list[tuple[Any, Any]]) -> forms.TypedChoiceField:
    """Return an optional choice among whole numbers."""
    return forms.TypedChoiceField(
        label=label, choices=[NOTHING, *choices], coerce=int, empty_value=None, required=False
    )


class ForumForm(forms.Form):
    """Who meets, about what, and how often."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    code = forms.SlugField(
        label=gettext_lazy("Short name in addresses"),
        max_length=40,
        help_text=gettext_lazy("Lower case letters, figures and hyphens, like operations-board. It stays as it is."),
    )
    unit = forms.ModelChoiceField(label=gettext_lazy("Unit"), queryset=Unit.objects.none())
    tier = forms.ChoiceField(
        label=gettext_lazy("KPIs on the table"),
        choices=Kpi.Tier,
        help_text=gettext_lazy("All active KPIs of this tier in the unit and below."),
    )
    chair = forms.ModelChoiceField(label=gettext_lazy("Chair"), queryset=User.objects.none())
    participants = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Participants"),
        queryset=User.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy("They see all that is on the table of this forum, and get its minutes by mail."),
    )
    rule = forms.ChoiceField(label=gettext_lazy("It meets"), choices=Forum.Rule)
    interval = forms.IntegerField(
        label=gettext_lazy("Every"),
        min_value=1,
        max_value=12,
        initial=1,
        help_text=gettext_lazy("1: each day, week, month or quarter; 2: every second one."),
    )
    weekday = numbered(gettext_lazy("Weekday"), list(WEEKDAYS.items()))
    nth_week = numbered(
        gettext_lazy("Which of that weekday"),
        [*((number, ORDINALS[number - 1]) for number in range(1, 5)), (-1, gettext_lazy("last"))],
    )
    day_of_month = numbered(
        gettext_lazy("Or day of the month"),
        [*((number, str(number)) for number in range(1, 31)), (31, gettext_lazy("last day"))],
    )
    month_of_quarter = numbered(
        gettext_lazy("Month of the quarter"), [(number, ORDINALS[number - 1]) for number in (1, 2, 3)]
    )
    anchor = DayField(label=gettext_lazy("First meeting on or after"))
    starts_at = forms.TimeField(
        label=gettext_lazy("Begins at"),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=gettext_lazy("On the organisation's clock."),
    )
    working_days_only = forms.BooleanField(
        label=gettext_lazy("Working days only: a date on a weekend or holiday moves to the next working day"),
        required=False,
    )
    is_active = forms.BooleanField(label=gettext_lazy("It goes on meeting"), required=False, initial=True)
    seen = seen_field()

    def __init__(
        self,
        data: Any = None,
        *,
        people: QuerySet[User],
        initial: dict[str, Any] | None = None,
        code_is_set: bool = False,
    ) -> None:
        super().__init__(data, initial=initial)
        self.fields["unit"].queryset = Unit.objects.filter(is_active=True)
        self.fields["chair"].queryset = people.order_by("name")
        self.fields["participants"].queryset = people.order_by("name")
        if code_is_set:
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        for name in set(CADENCE_FIELDS) - set(ASKED_BY.get(said.get("rule", ""), ())):
            said[name] = None
        if said.get("nth_week") is not None and said.get("day_of_month") is not None:
            self.add_error("day_of_month", _("Choose a weekday of the month or a day of the month, not both."))
        return said

    def cadence(self) -> Cadence | None:
        """Return the rule as typed, None while it is incomplete."""
        needed = ("rule", "interval", "anchor")
        if not self.is_bound or any(name in self.errors for name in (*needed, *CADENCE_FIELDS)):
            return None
        said = self.cleaned_data
        names = (*needed, *CADENCE_FIELDS, "working_days_only")
        return Cadence(**{name: said[name] for name in names})

    def said(self) -> dict[str, Any]:
        """Return the fields of the forum as typed."""
        return {name: value for name, value in self.cleaned_data.items() if name != "seen"}

    @property
    def rule_errors(self) -> list[tuple[str, str]]:
        """What is wrong with the rule, whatever else is missing yet: label and sentence."""
        names = ("rule", "interval", *CADENCE_FIELDS, "anchor")
        return [(self[name].label, error) for name in names for error in self[name].errors]

    @property
    def people_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "code", "unit", "tier", "chair") if name in self.fields]


class ChooseKpiForm(forms.Form):
    """A KPI that a forum shall review."""

    kpi = forms.ModelChoiceField(
        label=gettext_lazy("KPI"), queryset=Kpi.objects.none(), empty_label=gettext_lazy("Choose a KPI")
    )

    def __init__(self, data: Any = None, *, forum: Forum, kpis: QuerySet[Kpi]) -> None:
        super().__init__(data, auto_id="choose-%s")
        others = kpis.exclude(cadence__forum=forum).filter(status=Kpi.Status.ACTIVE)
        # The same choice sent twice is no error.
        self.fields["kpi"].queryset = kpis.filter(status=Kpi.Status.ACTIVE) if self.is_bound else others
        self.fields["kpi"].queryset = (
            self.fields["kpi"].queryset.select_related("cadence__forum", "unit").order_by("name")
        )
        self.fields["kpi"].label_from_instance = self._label

    @staticmethod
    def _label(kpi: Kpi) -> str:
        cadence = getattr(kpi, "cadence", None)
        if cadence is None:
            return f"{kpi.name}, {kpi.unit.name}"
        return _("%(kpi)s, %(unit)s (now in %(forum)s)") % {
            "kpi": kpi.name,
            "unit": kpi.unit.name,
            "forum": cadence.forum.name,
        }


class PlanForm(forms.Form):
    """The day of a review."""

    held_on = DayField(label=gettext_lazy("Day"))
    seen = seen_field()

    def __init__(self, data: Any = None, *, today: date, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, auto_id="plan-%s")
        self.today = today

    def clean_held_on(self) -> date:
        return _not_past(self.cleaned_data["held_on"], self.today, _("A review is planned for today or later."))


class NotesForm(forms.Form):
    """What comes of one item of the agenda: a comment, a decision, an action; any of them may stay empty."""

    comment = forms.CharField(
        label=gettext_lazy("Comment"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    decision = forms.CharField(label=gettext_lazy("What it is about"), max_length=200, required=False)
    outcome = forms.CharField(
        label=gettext_lazy("What was decided"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    decide_by = DayField(label=gettext_lazy("Or to be decided by"), required=False)
    decision_owner = forms.ModelChoiceField(
        label=gettext_lazy("Who brings it"), queryset=User.objects.none(), required=False
    )
    action = forms.CharField(label=gettext_lazy("What is to be done"), max_length=300, required=False)
    action_owner = forms.ModelChoiceField(label=gettext_lazy("Owner"), queryset=User.objects.none(), required=False)
    action_due = DayField(label=gettext_lazy("Due on"), required=False)

    def __init__(self, data: Any = None, *, people: QuerySet[User], today: date, takes_comment: bool) -> None:
        super().__init__(data, auto_id="notes-%s")
        self.today = today
        for name in ("decision_owner", "action_owner"):
            self.fields[name].queryset = people.order_by("name")
            self.fields[name].empty_label = _("choose a person")
        if not takes_comment:
            del self.fields["comment"]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        self._clean_decision(said)
        self._clean_action(said)
        if not self.errors and not any(said.get(name) for name in ("comment", "decision", "action")):
            self.add_error(None, _("There is nothing to save yet: write a comment, a decision or an action."))
        return said

    def _clean_decision(self, said: dict[str, Any]) -> None:
        if not said.get("decision"):
            if said.get("outcome") or said.get("decide_by"):
                self.add_error("decision", _("Say what the decision is about."))
            return
        if not said.get("outcome") and not said.get("decide_by") and "decide_by" not in self.errors:
            self.add_error("outcome", _("Say what was decided, or give the day by which it will be."))
        if said.get("decide_by") and said["decide_by"] < self.today:
            self.add_error("decide_by", _("That day is over: choose today or a later one."))

    def _clean_action(self, said: dict[str, Any]) -> None:
        if not said.get("action"):
            if said.get("action_owner") or said.get("action_due"):
                self.add_error("action", _("Say what is to be done."))
            return
        if not said.get("action_owner") and "action_owner" not in self.errors:
            self.add_error("action_owner", _("Every action has one owner."))
        if not said.get("action_due") and "action_due" not in self.errors:
            self.add_error("action_due", _("Say until when."))
        if said.get("action_due") and said["action_due"] < self.today:
            self.add_error("action_due", _("That day is over: choose today or a later one."))


class DecisionForm(forms.Form):
    """What becomes of a decision that is due."""

    state = forms.ChoiceField(
        label=gettext_lazy("It is"),
        choices=[
            (Decision.State.TAKEN, gettext_lazy("taken")),
            (Decision.State.DUE, gettext_lazy("put off")),
            (Decision.State.DROPPED, gettext_lazy("dropped")),
        ],
    )
    outcome = forms.CharField(
        label=gettext_lazy("What was decided, or why it is dropped"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    due_on = DayField(label=gettext_lazy("Put off until"), required=False)
    seen = seen_field()

    def __init__(self, data: Any = None, *, today: date, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, auto_id="decide-%s")
        self.today = today

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("state") == Decision.State.DUE:
            if not said.get("due_on") and "due_on" not in self.errors:
                self.add_error("due_on", _("Say until when it is put off."))
            elif said.get("due_on") and said["due_on"] < self.today:
                self.add_error("due_on", _("That day is over: choose today or a later one."))
        elif not said.get("outcome"):
            self.add_error("outcome", _("Say what was decided, or why it is dropped."))
        return said


class ActionForm(forms.Form):
    """Words, owner and date of an action."""

    text = forms.CharField(label=gettext_lazy("What is to be done"), max_length=300)
    owner = forms.ModelChoiceField(label=gettext_lazy("Owner"), queryset=User.objects.none())
    due_on = DayField(label=gettext_lazy("Due on"))
    seen = seen_field()

    def __init__(self, data: Any = None, *, people: QuerySet[User], initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, auto_id="action-%s")
        self.fields["owner"].queryset = people.order_by("name")


class CloseForm(forms.Form):
    """The chair's own words for the minutes."""

    summary = forms.CharField(
        label=gettext_lazy("Summary"),
        help_text=gettext_lazy(
            "What the people who were not there should know. Decisions and actions follow below it."
        ),
        max_length=8000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="close-%s")


def _not_past(value: date, today: date, sentence: str) -> date:
    if value < today:
        raise ValidationError(sentence)
    return value
