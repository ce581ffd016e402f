"""The strategy as an admin changes it: plan, perspectives, themes, objectives, links."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import fields_for_model
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen, seen_as_read, seen_field
from kpiplatform.dashboards.kpi_setup.fields import NumberField, read_in
from kpis.forms import DayField
from objectives.models import CausalLink, Objective, Perspective, StrategyPlan, Theme, Unit

HUNDRED = Decimal(100)
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
LONGEST_LAG = 3650
OBJECTIVE = (
    "name",
    "description",
    "perspective",
    "theme",
    "unit",
    "parent",
    "roll_up_method",
)


class ObjectiveForm(forms.Form):
    """An objective: what it says, where it belongs, who answers, how it rolls up."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Small letters, digits and hyphens. Empty: made from the name. It stays for good."),
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Owner"), queryset=User.objects.none(), empty_label=gettext_lazy("Choose one person")
    )
    coverage = NumberField(
        label=gettext_lazy("Minimum coverage, in percent"),
        help_text=gettext_lazy("With less of its weight known, the objective has no band."),
    )
    weight = NumberField(
        label=gettext_lazy("Weight in its parent"),
        required=False,
        help_text=gettext_lazy("Relative to the others: 2 is twice 1."),
    )
    weight_from = DayField(label=gettext_lazy("The weight holds from"), required=False)
    seen = seen_field()

    def __init__(
        self,
        data: Any = None,
        *,
        objective: Objective | None,
        plan: StrategyPlan,
        weight: Decimal | None,
        today: date,
        locale: str,
    ) -> None:
        initial: dict[str, Any] = {"coverage": Decimal(50), "weight": weight or Decimal(1), "weight_from": today}
        if objective is not None:
            initial |= {name: getattr(objective, name) for name in (*OBJECTIVE, "owner")}
            initial |= {"coverage": objective.minimum_coverage * HUNDRED, "seen": seen(objective)}
        super().__init__(data, auto_id="objective-%s", initial=initial)
        self.objective, self.today = objective, today
        labels = {
            "name": _("Objective"),
            "description": _("What it means"),
            "perspective": _("Perspective"),
            "theme": _("Theme"),
            "unit": _("Unit"),
            "parent": _("Part of"),
            "roll_up_method": _("How it is judged"),
        }
        helps = {"name": _("What you want, said as a verb phrase: Leave and arrive on time."), "description": ""}
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        found = fields_for_model(Objective, fields=OBJECTIVE, labels=labels, widgets=widgets)
        assert found is not None
        for name, field in found.items():
            field.help_text = helps.get(name, "")
        self.fields = found | self.fields
        self._fit(plan)
        read_in(self, locale)

    def _fit(self, plan: StrategyPlan) -> None:
        others = Objective.objects.filter(plan=plan, status=Objective.Status.ACTIVE)
        self.fields["perspective"].queryset = plan.perspectives.all()
        self.fields["theme"].queryset = plan.themes.all()
        self.fields["unit"].queryset = Unit.objects.filter(is_active=True)
        self.fields["parent"].queryset = others.exclude(pk=self.objective.pk) if self.objective else others
        self.fields["parent"].empty_label = _("none: it stands at the top")
        self.fields["theme"].empty_label = _("none")
        self.fields["owner"].queryset = User.objects.filter(is_active=True).order_by("name")
        self.fields["owner"].label_from_instance = lambda person: person.name
        if self.objective is not None:
            del self.fields["code"]
        self.order_fields([*OBJECTIVE[:1], "code", *OBJECTIVE[1:6], "owner", "roll_up_method", "coverage"])

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].strip().lower()
        if code and not CODE.fullmatch(code):
            raise ValidationError(_("A code has small letters, digits and hyphens only."))
        return code

    def clean_coverage(self) -> Decimal:
        coverage: Decimal = self.cleaned_data["coverage"]
        if not 0 <= coverage <= HUNDRED:
            raise ValidationError(_("A share lies between 0 and 100 percent."))
        return coverage

    def clean_weight(self) -> Decimal | None:
        weight: Decimal | None = self.cleaned_data["weight"]
        if weight is not None and not 0 <= weight <= 1000:
            raise ValidationError(_("A weight lies between 0 and 1,000; 0 counts for nothing."))
        return weight

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        name = " ".join(said.get("name", "").split())
        twins = Objective.objects.filter(name__iexact=name, status=Objective.Status.ACTIVE)
        twin = twins.exclude(pk=self.objective.pk if self.objective else None).first()
        if name and twin is not None:
            self.add_error("name", _("There is an objective of this name already: %(code)s.") % {"code": twin.code})
        if said.get("code") and Objective.objects.filter(code=said["code"]).exists():
            self.add_error("code", _("%(code)s exists already.") % {"code": said["code"]})
        if said.get("weight") is not None and not said.get("weight_from") and "weight_from" not in self.errors:
            self.add_error("weight_from", _("Say from when the weight holds."))
        return said

    @property
    def values(self) -> dict[str, Any]:
        """What the form says, by column."""
        said = self.cleaned_data
        values = {f"{name}_id": said[name].pk if said[name] else None for name in ("perspective", "theme", "parent")}
        values |= {"unit_id": said["unit"].pk, "minimum_coverage": said["coverage"] / HUNDRED}
        values |= {name: said[name] for name in ("name", "description", "roll_up_method")}
        return values

    def code_for_new(self) -> str:
        """Return the code that was typed, or one made from the name that no objective has."""
        if self.cleaned_data["code"]:
            return str(self.cleaned_data["code"])
        taken = set(Objective.objects.values_list("code", flat=True))
        return code_of(self.cleaned_data["name"], taken)


class JudgementForm(forms.Form):
    """A score by judgement, with how sure one is and why."""

    score = NumberField(label=gettext_lazy("Score, 0 to 10"), decimals=1)
    confidence = forms.IntegerField(label=gettext_lazy("How sure, in percent"), min_value=0, max_value=100)
    note = forms.CharField(label=gettext_lazy("Why"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    effective_from = DayField(label=gettext_lazy("Effective from"))

    def __init__(self, data: Any = None, *, today: date, locale: str) -> None:
        super().__init__(data, auto_id="judgement-%s", initial={"effective_from": today})
        self.today = today
        read_in(self, locale)

    def clean_score(self) -> Decimal:
        score: Decimal = self.cleaned_data["score"]
        if not 0 <= score <= 10:
            raise ValidationError(_("A score lies between 0 and 10."))
        return round(score, 4)

    def clean_effective_from(self) -> date:
        chosen: date = self.cleaned_data["effective_from"]
        if abs(chosen.year - self.today.year) > 5:
            raise ValidationError(_("Choose a day within five years of today."))
        return chosen


class PlanForm(forms.Form):
    """The strategy's name, its vision and its dates."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    vision = forms.CharField(
        label=gettext_lazy("Vision"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    starts_on = DayField(label=gettext_lazy("Starts on"))
    ends_on = DayField(label=gettext_lazy("Ends on"))
    seen = seen_field()

    def __init__(self, data: Any = None, *, plan: StrategyPlan | None) -> None:
        initial = {"seen": seen(plan), "name": plan.name, "vision": plan.vision} if plan else {}
        initial |= {"starts_on": plan.starts_on, "ends_on": plan.ends_on} if plan else {}
        super().__init__(data, auto_id="plan-%s", initial=initial)

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("starts_on") and said.get("ends_on") and said["starts_on"] >= said["ends_on"]:
            self.add_error("ends_on", _("The plan ends before it starts."))
        return said


class NameForm(forms.Form):
    """The name of a perspective or a theme; without `row`, of one that is to come."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(attrs={"class": "input"}))
    seen = seen_field()

    def __init__(self, data: Any = None, *, row: Perspective | Theme | None = None) -> None:
        initial = {"name": row.name, "seen": seen_as_read(row)} if row else {}
        super().__init__(data, auto_id=f"row-{row.pk}-%s" if row else "new-%s", initial=initial)
        self.row = row
        if row is None:
            del self.fields["seen"]

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


class LinkForm(forms.Form):
    """The hypothesis that moving one objective moves another."""

    source = forms.ModelChoiceField(label=gettext_lazy("If this moves"), queryset=Objective.objects.none())
    target = forms.ModelChoiceField(label=gettext_lazy("this moves"), queryset=Objective.objects.none())
    sign = forms.TypedChoiceField(
        label=gettext_lazy("Which way"),
        coerce=int,
        choices=[(1, gettext_lazy("the same way")), (-1, gettext_lazy("the other way"))],
    )
    lag_from_days = forms.IntegerField(label=gettext_lazy("After days, from"), min_value=0, max_value=LONGEST_LAG)
    lag_to_days = forms.IntegerField(label=gettext_lazy("to"), min_value=0, max_value=LONGEST_LAG)
    rationale = forms.CharField(
        label=gettext_lazy("Why it should"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, link: CausalLink | None, plan: StrategyPlan) -> None:
        initial: dict[str, Any] = {"lag_from_days": 0, "lag_to_days": 90}
        names = ("source", "target", "sign", "lag_from_days", "lag_to_days", "rationale")
        if link is not None:
            initial = {name: getattr(link, name) for name in names} | {"seen": seen(link)}
        super().__init__(data, auto_id="link-%s", initial=initial)
        active = Objective.objects.filter(plan=plan, status=Objective.Status.ACTIVE)
        for name in ("source", "target"):
            self.fields[name].queryset = active
            self.fields[name].empty_label = _("Choose an objective")

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("source") and said.get("source") == said.get("target"):
            self.add_error("target", _("An objective does not move itself: choose another."))
        if said.get("lag_from_days", 0) > said.get("lag_to_days", LONGEST_LAG):
            self.add_error("lag_to_days", _("The last day of the effect lies before the first."))
        return said

    @property
    def values(self) -> dict[str, Any]:
        """What the form says, by column."""
        said = dict(self.cleaned_data)
        del said["seen"]
        return {"source_id": said.pop("source").pk, "target_id": said.pop("target").pk} | said


def code_of(name: str, taken: set[str]) -> str:
    """Return a code made from a name that is not taken yet."""
    base = slugify(name)[:36].strip("-") or "one"
    codes = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(code for code in codes if code not in taken)
