"""The seven steps from an objective to a KPI: what each asks. The answers to the questions are kept with the KPI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from initiatives.models import Initiative
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.calculation.forms import FORMULA, WritesFormula
from kpiplatform.dashboards.kpi_setup.fields import NumberField, read_in
from kpiplatform.dashboards.kpi_setup.forms import same_name
from kpiplatform.dashboards.kpi_setup.sheet import sheet_fields
from kpis.domain.formula.fitting import Shape
from kpis.domain.limits import LimitsRefused, TargetRow, ThresholdRow, validate_thresholds
from kpis.domain.periods import Frequency
from kpis.forms import DayField
from kpis.models import Kpi
from kpis.queries import calendar_of, calendars_of_units, kpis_visible_to
from kpis.words import why_no_limits
from objectives.models import Unit
from reviews.models import Forum
from reviews.queries import cadence_of
from reviews.words import in_words

CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """In which light a step is asked: what was typed in all steps, by whom and when."""

    answers: Mapping[str, Mapping[str, str]]
    today: date
    now: datetime
    reader: User

    def typed(self, step: str, name: str) -> str:
        return self.answers.get(step, {}).get(name, "")


def question(label: Any, hint: Any = "", *, required: bool = True) -> forms.CharField:
    """Return a question of the checklist."""
    return forms.CharField(
        label=label, help_text=hint, required=required, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


class StepForm(forms.Form):
    """One step. `sheet` are the columns of the definition that it fills, `checklist` the questions beside them."""

    sheet: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()

    def __init__(self, data: Any = None, *, asked: Asked, initial: Any = None) -> None:
        super().__init__(data, auto_id="step-%s", initial=initial)
        self.asked = asked
        self.fields = sheet_fields(self.sheet, required=self.needed) | self.fields
        self.prepare()
        read_in(self, asked.reader.locale)

    def prepare(self) -> None:
        """Fit the fields to what is known from other steps."""


class ObjectiveStep(StepForm):
    """What the KPI is for."""

    sheet = ("objective", "unit")
    checklist = ("reached_when",)
    reached_when = question(
        gettext_lazy("How would you see that the objective is reached?"),
        gettext_lazy("In plain words, without a number yet."),
    )

    def prepare(self) -> None:
        self.fields["objective"].empty_label = _("Choose an objective")


class ProgressStep(StepForm):
    """What progress looks like."""

    sheet = ("name", "purpose", "decision_informed", "formula_in_words", "measure_unit", "decimals", "polarity", "tier")
    needed = ("decision_informed", "formula_in_words")
    checklist = ("green_while_failing",)
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Capitals, digits and hyphens. Empty: made from the name. It stays for good."),
    )
    same_name_is_meant = forms.BooleanField(label=gettext_lazy("Two KPIs may share this name"), required=False)
    green_while_failing = question(
        gettext_lazy("Could it be green while the objective fails?"),
        gettext_lazy("If so, it measures something else, or needs a guard KPI."),
    )

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].strip().upper()
        if code and not CODE.fullmatch(code):
            raise ValidationError(_("A code has capitals, digits and hyphens only."))
        if code and Kpi.objects.filter(code=code).exists():
            raise ValidationError(_("%(code)s exists already.") % {"code": code})
        return code

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        twin = same_name(said.get("name", ""))
        if twin is not None and not said.get("same_name_is_meant"):
            self.add_error("name", _("%(code)s is called so, too. Say below that you mean it.") % {"code": twin.code})
        if (said.get("decimals") or 0) > 8:
            self.add_error("decimals", _("At most eight decimals are kept."))
        return said


class KindStep(StepForm):
    """Whether it predicts or confirms."""

    sheet = ("indicator_type", "unintended_consequences")
    checklist = ("why_kind",)
    why_kind = question(
        gettext_lazy("Why so?"),
        gettext_lazy("Leading: what it predicts, and how long before. Lagging: which leading KPI warns before it."),
    )


class TargetStep(StepForm):
    """Where it starts and where it shall be."""

    sheet = ("baseline_value", "baseline_note")
    checklist = ("why_target",)
    target = NumberField(label=gettext_lazy("Target"), required=False)
    low = NumberField(label=gettext_lazy("Target, from"), required=False)
    high = NumberField(label=gettext_lazy("Target, to"), required=False)
    red_flag = NumberField(
        label=gettext_lazy("Red flag"), required=False, help_text=gettext_lazy("Off track beyond this.")
    )
    red_low = NumberField(label=gettext_lazy("Red flag below"), required=False)
    red_high = NumberField(label=gettext_lazy("Red flag above"), required=False)
    effective_from = DayField(label=gettext_lazy("Target and red flag hold from"))
    why_target = question(
        gettext_lazy("Why this target?"),
        gettext_lazy("What makes it reachable, and worth reaching. It stands beside the target."),
    )

    def prepare(self) -> None:
        self.polarity = self.asked.typed("progress", "polarity")
        names = {
            Kpi.Polarity.RANGE: ("low", "high", "red_low", "red_high"),
            Kpi.Polarity.UNSCORED: (),
        }.get(self.polarity, ("target", "red_flag"))
        for name in ("target", "low", "high", "red_flag", "red_low", "red_high"):
            if name not in names:
                del self.fields[name]
            else:
                self.fields[name].required = True
        self.names = names
        if self.polarity == Kpi.Polarity.UNSCORED:
            del self.fields["effective_from"], self.fields["why_target"]
        else:
            self.fields["effective_from"].initial = self.asked.today.replace(day=1)
        order = ["baseline_value", "baseline_note", *names, "effective_from", "why_target"]
        self.order_fields(order)

    def clean_effective_from(self) -> date:
        chosen: date = self.cleaned_data["effective_from"]
        if abs(chosen.year - self.asked.today.year) > 5:
            raise ValidationError(_("Choose a day within five years of today."))
        return chosen

    def clean(self) -> dict[str, Any]:
        if self.errors or not self.names:
            return self.cleaned_data
        target, threshold = self.rows()
        try:
            validate_thresholds(polarity=self.polarity or Kpi.Polarity.HIGHER, threshold=threshold, target=target)
        except LimitsRefused as refused:
            self.add_error(self.names[-1], why_no_limits(refused))
        return self.cleaned_data

    def rows(self) -> tuple[TargetRow, ThresholdRow]:
        """Return target and thresholds as the judgement takes them."""
        said, common = (
            self.cleaned_data,
            {"effective_from": self.cleaned_data["effective_from"], "recorded_at": self.asked.now},
        )
        numbers: dict[str, Decimal] = {name: said[name] for name in self.names}
        value = {"value": numbers.pop("target")} if "target" in numbers else {}
        ends = {name: numbers.pop(name) for name in ("low", "high") if name in numbers}
        return TargetRow(**common, **value, **ends), ThresholdRow(**common, mode="absolute", **numbers)


class OwnerStep(StepForm):
    """Who answers for it."""

    checklist = ("can_move",)
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Owner"), queryset=User.objects.none(), empty_label=gettext_lazy("Choose one person")
    )
    deputy = forms.ModelChoiceField(label=gettext_lazy("Deputy"), queryset=User.objects.none(), required=False)
    steward = forms.ModelChoiceField(
        label=gettext_lazy("Data steward"),
        queryset=User.objects.none(),
        required=False,
        help_text=gettext_lazy("Answers for where the number comes from."),
    )
    can_move = question(
        gettext_lazy("What can this person do to move it?"),
        gettext_lazy("Who can't move a KPI reports it, but doesn't own it."),
    )

    def prepare(self) -> None:
        for name in ("owner", "deputy", "steward"):
            self.fields[name].queryset = User.objects.filter(is_active=True).order_by("name")
            self.fields[name].label_from_instance = lambda person: person.name

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("deputy") and said.get("deputy") == said.get("owner"):
            self.add_error("deputy", _("The deputy stands in for the owner, so it is somebody else."))
        return said


class InitiativeStep(StepForm):
    """What will move it."""

    checklist = ("without_initiative",)
    initiative = forms.ModelChoiceField(
        label=gettext_lazy("Initiative meant to move it"),
        queryset=Initiative.objects.none(),
        required=False,
        empty_label=gettext_lazy("none yet"),
    )
    change = NumberField(
        label=gettext_lazy("Expected change"),
        required=False,
        help_text=gettext_lazy("In the KPI's unit, with its sign: −2 or 4.5."),
    )
    full_effect_on = DayField(label=gettext_lazy("Full effect by"), required=False)
    without_initiative = question(
        gettext_lazy("If there is none: what will move it?"),
        gettext_lazy("A KPI without an initiative is a wish. It stays on the list of gaps until there is one."),
        required=False,
    )

    def prepare(self) -> None:
        running = Initiative.objects.exclude(status__in=["done", "stopped"]).order_by("name")
        self.fields["initiative"].queryset = running
        self.fields["initiative"].label_from_instance = lambda initiative: initiative.name

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if not said.get("initiative"):
            if not said.get("without_initiative") and "initiative" not in self.errors:
                self.add_error("without_initiative", _("Choose an initiative, or say what will move the KPI."))
            return said
        if said.get("change") is None and "change" not in self.errors:
            self.add_error("change", _("Say by how much the initiative is expected to move it."))
        elif said.get("change") == 0:
            self.add_error("change", _("An initiative that moves nothing answers nothing."))
        if said.get("full_effect_on") is None and "full_effect_on" not in self.errors:
            self.add_error("full_effect_on", _("Say by when."))
        elif "full_effect_on" in said and said["full_effect_on"] and said["full_effect_on"] <= self.asked.today:
            self.add_error("full_effect_on", _("The effect is expected after today."))
        return said


class RhythmStep(WritesFormula, StepForm):
    """How often it is measured, from where, and when it is looked at."""

    sheet = (
        "frequency", "calendar", "time_aggregation", "entry", "formula", "missing_policy", "active_from",
        "reporting_lag_days", "lag_in_working_days", "review_by",
    )  # fmt: skip
    needed = ("active_from", "review_by")
    checklist = ("forum", "reaction")
    forum = forms.ModelChoiceField(
        label=gettext_lazy("Where it is reviewed"),
        queryset=Forum.objects.none(),
        required=False,
        empty_label=gettext_lazy("by default, where its unit and tier are looked at"),
    )
    reaction = question(
        gettext_lazy("What happens when it turns red?"),
        gettext_lazy("Who meets, by when, and what they can decide."),
    )

    def prepare(self) -> None:
        self.fields["forum"].queryset = Forum.objects.filter(is_active=True)
        self.fields["forum"].label_from_instance = lambda forum: f"{forum.name}, {in_words(cadence_of(forum))}"
        preview = {"get": reverse("kpis:new_dates"), "trigger": "change, load", "target": "#dates", "swap": "innerHTML"}
        self.fields["forum"].widget.attrs |= {f"hx-{name}": value for name, value in preview.items()}
        said = self.asked.typed("objective", "unit")
        unit = Unit.objects.filter(pk=said).first() if said.isdecimal() and len(said) < 10 else None
        followed = calendars_of_units([unit]) if unit else {}
        self.fields["calendar"].initial = followed.get(unit.pk if unit else 0)
        self.fields["active_from"].initial = self.asked.today.replace(day=1)
        self.fields["review_by"].initial = self.asked.today + timedelta(days=365)
        self.fields["missing_policy"].required = False
        preview = {"get": reverse("kpis:new_calculation"), "trigger": "input delay:350ms, load", "include": "#step"}
        swap = {"target": "#calculation-shown", "swap": "innerHTML", "sync": "this:replace"}
        self.fields["formula"].widget.attrs |= FORMULA | {f"hx-{name}": it for name, it in (preview | swap).items()}
        self.order_fields([*self.sheet, "forum", "reaction"])

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        said["missing_policy"] = said.get("missing_policy") or Kpi.MissingPolicy.BLANK
        if said.get("entry") != Kpi.Entry.DERIVED:
            said["formula"] = ""
        elif not {"frequency", "calendar", "time_aggregation"} & self.errors.keys():
            self._read(said)
        return said

    def _read(self, said: dict[str, Any]) -> None:
        shape = Shape(
            unit=self.asked.typed("progress", "measure_unit").strip(),
            frequency=Frequency(said["frequency"]),
            calendar=calendar_of(said["calendar"]),
            method=said["time_aggregation"],
        )
        among = kpis_visible_to(self.asked.reader, today=self.asked.today)
        try:
            said["formula"] = self.read_formula(said.get("formula", ""), code="", shape=shape, among=among)
        except ValidationError as error:
            self.add_error("formula", error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step with its heading."""

    key: str
    title: Any
    lede: Any
    form: type[StepForm]


STEPS = (
    Step(
        key="objective",
        title=gettext_lazy("Objective"),
        lede=gettext_lazy("Start from what you want to reach; the measure comes after."),
        form=ObjectiveStep,
    ),
    Step(
        key="progress",
        title=gettext_lazy("Progress"),
        lede=gettext_lazy("What would be seen to change, and how it is counted."),
        form=ProgressStep,
    ),
    Step(
        key="kind",
        title=gettext_lazy("Leading or lagging"),
        lede=gettext_lazy("Does it warn before, or confirm after?"),
        form=KindStep,
    ),
    Step(
        key="target",
        title=gettext_lazy("Baseline and target"),
        lede=gettext_lazy("Where it stands today, what is wanted, and from where on it is off track."),
        form=TargetStep,
    ),
    Step(
        key="owner",
        title=gettext_lazy("Owner"),
        lede=gettext_lazy("Exactly one person answers for it."),
        form=OwnerStep,
    ),
    Step(
        key="initiative",
        title=gettext_lazy("Initiative"),
        lede=gettext_lazy("What will move it, by how much and by when."),
        form=InitiativeStep,
    ),
    Step(
        key="rhythm",
        title=gettext_lazy("Review rhythm"),
        lede=gettext_lazy("How often it is measured, and who looks at it."),
        form=RhythmStep,
    ),
)
BY_KEY = {step.key: step for step in STEPS}
