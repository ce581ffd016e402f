"""What people write about an initiative: the work itself, milestones, promised effects, risks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from initiatives.domain.promise import may_be_changed
from initiatives.models import ExpectedImpact, Initiative, Milestone, Risk
from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import seen, seen_field
from kpis.domain.entry_checks import EntryRefused, language_of, storable, typed_number, typed_text
from kpis.domain.figures import MARKS
from kpis.domain.parsing import NumberFormat, Refused, parse_number
from kpis.forms import DayField
from kpis.models import Kpi
from objectives.models import Objective, Unit

DAY = timedelta(days=1)
MONEY_AT_MOST = Decimal(10) ** 12
CENT = Decimal("0.01")
GRADES = [(1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5")]


class MoneyField(forms.CharField):
    """An amount of money, as the person's locale writes it; None when left empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=32, **options)
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}
        self.locale = "en"

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        if not text:
            return None
        thousands, decimal = MARKS.get(language_of(self.locale), MARKS["en"])
        grouping = thousands if thousands in ",." else " "
        try:
            amount = parse_number(text, NumberFormat(decimal=decimal, grouping=grouping, percent=False))
        except Refused:
            raise ValidationError(_("“%(text)s” is not an amount of money.") % {"text": text[:40]}) from None
        if amount < 0:
            raise ValidationError(_("An amount of money is not negative."))
        if amount >= MONEY_AT_MOST:
            raise ValidationError(_("An amount has at most 12 digits before the decimal mark."))
        return amount.quantize(CENT)


class InitiativeForm(forms.Form):
    """The work: what it is for, who answers for it, when it runs, what it may cost."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=160)
    purpose = forms.CharField(
        label=gettext_lazy("What it does"),
        help_text=gettext_lazy("In two sentences: what will be different, and how."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4000,
        required=False,
    )
    objective = forms.ModelChoiceField(
        Objective.objects.none(),
        label=gettext_lazy("Objective it serves"),
        required=False,
        empty_label=gettext_lazy("none"),
    )
    unit = forms.ModelChoiceField(Unit.objects.none(), label=gettext_lazy("Unit"), empty_label=None)
    owner = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Owner"), empty_label=None)
    starts_on = DayField(label=gettext_lazy("Starts on"))
    ends_on = DayField(label=gettext_lazy("Ends on"))
    budget = MoneyField(label=gettext_lazy("Budget"), required=False)
    spent = MoneyField(label=gettext_lazy("Spent so far"), required=False)
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, min_length=3)
    seen = seen_field()

    def __init__(
        self,
        data: Any = None,
        *,
        units: QuerySet[Unit],
        objectives: QuerySet[Objective],
        people: QuerySet[User],
        locale: str,
        initiative: Initiative | None = None,
        initial: dict[str, Any] | None = None,
        approved_by_others: bool = False,
    ) -> None:
        super().__init__(data, auto_id="initiative-%s", initial=initial or _present(initiative, locale))
        self.fields["objective"].queryset = objectives
        self.fields["unit"].queryset = units
        self.fields["owner"].queryset = people.order_by("name")
        for name in ("budget", "spent"):
            self.fields[name].locale = locale
        if initiative is None:
            del self.fields["spent"], self.fields["seen"]
        for name in ("unit", "budget", "currency") if approved_by_others else ():
            self.fields[name].disabled = True
            self.fields[name].help_text = _("Approved as it is: whoever approves work here may change it.")

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if not (currency.isascii() and currency.isalpha()):
            raise ValidationError(_("A currency is three letters, like USD."))
        return currency

    def clean_spent(self) -> Decimal:
        return self.cleaned_data["spent"] or Decimal(0)

    def clean(self) -> dict[str, Any]:
        start, end = self.cleaned_data.get("starts_on"), self.cleaned_data.get("ends_on")
        if start and end and end <= start:
            self.add_error("ends_on", _("The end lies after the start."))
        return self.cleaned_data


def _present(initiative: Initiative | None, locale: str) -> dict[str, Any]:
    if initiative is None:
        return {}
    shown = {name: getattr(initiative, name) for name in ("name", "purpose", "starts_on", "ends_on", "currency")}
    money = {name: typed_text(getattr(initiative, name), 0, locale=locale) for name in ("budget", "spent")}
    links = {name: getattr(initiative, f"{name}_id") for name in ("objective", "unit", "owner")}
    return {**shown, **money, **links, "seen": seen(initiative)}


class MilestoneForm(forms.Form):
    """A dated step."""

    name = forms.CharField(label=gettext_lazy("Milestone"), max_length=160)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=gettext_lazy("Owner"), required=False, empty_label=gettext_lazy("nobody yet")
    )
    due_on = DayField(label=gettext_lazy("Due on"))
    seen = seen_field()

    def __init__(
        self, data: Any = None, *, initiative: Initiative, people: QuerySet[User], milestone: Milestone | None = None
    ) -> None:
        present = (
            {"name": milestone.name, "owner": milestone.owner_id, "due_on": milestone.due_on, "seen": seen(milestone)}
            if milestone
            else {"due_on": initiative.ends_on}
        )
        super().__init__(data, auto_id="milestone-%s", initial=present)
        self.fields["owner"].queryset = people.order_by("name")
        self.fields["name"].widget.attrs["autofocus"] = True
        self.initiative, self.milestone = initiative, milestone

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        others = self.initiative.milestones.filter(name=name).exclude(pk=self.milestone.pk if self.milestone else None)
        if self.milestone and others.exists():
            raise ValidationError(_("There is a milestone of this name already."))
        return name

    def clean_due_on(self) -> date:
        day: date = self.cleaned_data["due_on"]
        if day < self.initiative.starts_on:
            raise ValidationError(_("The initiative has not begun by then: choose a day from its start on."))
        return day


class ImpactForm(forms.Form):
    """What the initiative is to do to a KPI, said before the effect begins."""

    kpi = forms.ModelChoiceField(
        Kpi.objects.none(), to_field_name="code", label=gettext_lazy("KPI it should move"), empty_label=None
    )
    change = forms.CharField(
        label=gettext_lazy("Expected change"),
        help_text=gettext_lazy("In the KPI's own unit, with its sign: 1.5 or -3. Percentages in points."),
        max_length=64,
        widget=forms.TextInput(attrs={"inputmode": "text", "autocomplete": "off"}),
    )
    starts_on = DayField(label=gettext_lazy("The effect begins on"))
    full_effect_on = DayField(label=gettext_lazy("Has come in full on"))
    confidence = forms.ChoiceField(label=gettext_lazy("Confidence"), choices=ExpectedImpact.Confidence.choices)
    rationale = forms.CharField(
        label=gettext_lazy("Why this much"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        required=False,
    )
    seen = seen_field()

    def __init__(
        self,
        data: Any = None,
        *,
        kpis: QuerySet[Kpi],
        initiative: Initiative,
        today: date,
        locale: str,
        impact: ExpectedImpact | None = None,
        kpi: Kpi | None = None,
    ) -> None:
        super().__init__(data, auto_id="impact-%s", initial=_promised(impact, initiative, kpi, today, locale))
        self.today, self.locale = today, locale
        self.fields["kpi"].queryset = kpis.order_by("name")
        self.fields["change"].widget.attrs["autofocus"] = True
        if impact is not None:
            del self.fields["kpi"]
        else:
            del self.fields["seen"]

    def clean_change(self) -> Decimal:
        text = self.cleaned_data["change"]
        try:
            change = storable(typed_number(text.strip().removeprefix("+"), locale=self.locale, percent=True))
        except EntryRefused:
            raise ValidationError(_("“%(text)s” is not a change in numbers, like 1.5.") % {"text": text[:40]}) from None
        if change == 0:
            raise ValidationError(_("A promise of no change is none."))
        return change

    def clean_starts_on(self) -> date:
        day: date = self.cleaned_data["starts_on"]
        if not may_be_changed(starts_on=day, today=self.today):
            raise ValidationError(_("An effect is promised before it begins: choose a day after today."))
        return day

    def clean(self) -> dict[str, Any]:
        start, full = self.cleaned_data.get("starts_on"), self.cleaned_data.get("full_effect_on")
        if start and full and full < start:
            self.add_error("full_effect_on", _("The full effect does not come before it begins."))
        return self.cleaned_data


def _promised(
    impact: ExpectedImpact | None, initiative: Initiative, kpi: Kpi | None, today: date, locale: str
) -> dict[str, Any]:
    if impact is None:
        start = max(initiative.starts_on, today + DAY)
        return {"kpi": kpi.code if kpi else None, "starts_on": start, "confidence": "medium"}
    names = ("starts_on", "full_effect_on", "confidence", "rationale")
    present = {name: getattr(impact, name) for name in names}
    return {**present, "change": typed_text(impact.change, 0, locale=locale), "seen": seen(impact)}


class RiskForm(forms.Form):
    """What may go wrong."""

    text = forms.CharField(label=gettext_lazy("What may go wrong"), max_length=300)
    likelihood = forms.TypedChoiceField(
        label=gettext_lazy("Likelihood, 1 to 5"), choices=GRADES, coerce=int, empty_value=None
    )
    severity = forms.TypedChoiceField(
        label=gettext_lazy("Severity, 1 to 5"), choices=GRADES, coerce=int, empty_value=None
    )
    mitigation = forms.CharField(
        label=gettext_lazy("What is done about it"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        required=False,
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, risk: Risk | None = None) -> None:
        names = ("text", "likelihood", "severity", "mitigation")
        present = {name: getattr(risk, name) for name in names} if risk else {"likelihood": 3, "severity": 3}
        super().__init__(data, auto_id="risk-%s", initial={**present, "seen": seen(risk) if risk else ""})
        self.fields["text"].widget.attrs["autofocus"] = True
