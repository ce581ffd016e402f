"""What an admin proposes: a target, the lines between the bands, from when on and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.dashboards.kpi_setup.fields import why_not_a_number
from kpis.dates import day
from kpis.domain.entry_checks import EntryRefused, storable, typed_number, typed_text
from kpis.domain.figures import delta_unit
from kpis.domain.judged import Rules
from kpis.domain.limits import HUNDRED, LimitsRefused, Mode, TargetRow, ThresholdRow, in_force, validate_thresholds
from kpis.domain.replay import Proposal, proposed
from kpis.domain.target_ends import DAY, ends, last_day, next_target
from kpis.forms import DayField
from kpis.models import Kpi, ThresholdSet
from kpis.words import why_no_limits

DIRECTIONAL = ("goal", "red_flag")
RANGE = ("goal_low", "goal_high", "red_low", "red_high")
LABELS = {
    "target": gettext_lazy("Target"),
    "low": gettext_lazy("Target, from"),
    "high": gettext_lazy("Target, to"),
    "goal": gettext_lazy("Goal"),
    "red_flag": gettext_lazy("Red flag"),
    "goal_low": gettext_lazy("Goal, from"),
    "goal_high": gettext_lazy("Goal, to"),
    "red_low": gettext_lazy("Red flag below"),
    "red_high": gettext_lazy("Red flag above"),
}
MODES = {
    "absolute": gettext_lazy("as numbers"),
    "offset": gettext_lazy("as distance from the target"),
    "percent": gettext_lazy("in percent of the target"),
}
YEARS_AHEAD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the form starts from: the KPI, every row of its limits, and what bounds a sensible date."""

    kpi: Kpi
    rules: Rules
    seen: str
    first_day: date
    next_start: date
    today: date
    now: datetime
    locale: str


class LimitsForm(forms.Form):
    """A proposal for the target and the thresholds of one KPI.

    A goal that is left empty is the target itself. After a successful `is_valid()` the proposal holds only what
    differs from what is in force.
    """

    mode = forms.ChoiceField(label=gettext_lazy("Limits are given"), choices=MODES, widget=forms.RadioSelect)
    effective_from = DayField(label=gettext_lazy("Effective from"))
    until = DayField(label=gettext_lazy("Target until"), required=False)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, *, known: Known) -> None:
        super().__init__(data, auto_id="limits-%s", initial=_initial(known))
        self.known = known
        self.proposal = Proposal(effective_from=known.next_start)
        self.target_names = ("low", "high") if is_range(known.kpi) else ("target",)
        self.limit_names = RANGE if is_range(known.kpi) else DIRECTIONAL
        for name in (*self.target_names, *self.limit_names):
            self.fields[name] = forms.CharField(label=LABELS[name], max_length=40, required=False)
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off", "class": "input"}
        for name in ("effective_from", "until"):
            self.fields[name].widget.attrs["class"] = "input input--wide"
        self.fields["reason"].widget.attrs["class"] = "textarea"
        self.order_fields([*self.target_names, "mode", *self.limit_names, "effective_from", "until", "reason", "seen"])

    @property
    def chosen_mode(self) -> str:
        """The mode that the numbers are in."""
        value = self["mode"].value()
        return value if value in MODES else "absolute"

    def unit_of(self, name: str) -> str:
        """Return the unit that stands behind a number of the form."""
        unit = self.known.kpi.measure_unit
        if name in self.target_names or self.chosen_mode == "absolute":
            return unit
        return "%" if self.chosen_mode == "percent" else delta_unit(unit)

    def clean_effective_from(self) -> date:
        chosen: date = self.cleaned_data["effective_from"]
        if chosen < self.known.first_day:
            words = {"day": day(self.known.first_day)}
            raise ValidationError(_("This KPI is measured from %(day)s on: choose a day from then on.") % words)
        if chosen.year > self.known.today.year + YEARS_AHEAD:
            raise ValidationError(_("Choose a day within the next %(years)d years.") % {"years": YEARS_AHEAD})
        return chosen

    def clean(self) -> dict[str, Any]:
        numbers = {name: self._number(name) for name in (*self.target_names, *self.limit_names)}
        if not self.errors:
            self._propose(numbers)
        return self.cleaned_data

    def _number(self, name: str) -> Decimal | None:
        text = self.cleaned_data.get(name, "")
        if not text.strip():
            return None
        try:
            return storable(typed_number(text, locale=self.known.locale, percent=self.unit_of(name) == "%"))
        except EntryRefused as refused:
            self.add_error(name, why_not_a_number(refused, text, self.known.locale))
            return None

    def _propose(self, numbers: Mapping[str, Decimal | None]) -> None:
        start, known = self.cleaned_data["effective_from"], self.known
        target, threshold = self._rows(numbers, start)
        stands = in_force(known.rules.targets, start)
        if stands is not None and not any(numbers[name] is not None for name in self.target_names):
            self.add_error(self.target_names[0], _("A target needs a number. The target in force was kept."))
        elif len(self.target_names) == 2 and (numbers["low"] is None) != (numbers["high"] is None):
            missing = "low" if numbers["low"] is None else "high"
            self.add_error(missing, _("A target range needs both ends."))
        elif len(self.target_names) == 2 and target and target.low is not None and target.low > (target.high or 0):
            self.add_error("high", _("The range of the target ends below its beginning."))
        if self.errors:
            return
        self.proposal = Proposal(
            effective_from=start,
            target=None if same_numbers(target, stands) else target,
            threshold=None if same_numbers(threshold, in_force(known.rules.thresholds, start)) else threshold,
        )
        self._end(target, known.rules.targets)
        if self.errors or self.proposal.effective_from != start:
            return
        self._refuse_what_cannot_judge(threshold)

    def _end(self, target: TargetRow | None, rows: Sequence[TargetRow]) -> None:
        """Let the proposed target end on the day that is said, or hold until another begins."""
        until, proposal = self.cleaned_data.get("until"), self.proposal
        if target is None:
            if until is not None:
                self.add_error("until", _("There is no target that could end: say what it is, or leave this empty."))
            return
        if until is not None and until < proposal.effective_from:
            # Nothing but the end of what is in force, before the day that the form proposes for changes.
            present = replace(target, effective_from=until)
            if proposal.threshold is not None or not same_numbers(target, in_force(rows, until)):
                self.add_error("until", _("The target would end before it begins: choose an earlier “effective from”."))
            else:
                self.proposal = Proposal(effective_from=until + DAY, ends=ends(rows, present, until))
            return
        following = next_target(rows, target)
        if until is not None and following is not None and until >= following:
            told = _("Another target begins on %(day)s, and ends this one anyway: leave this empty.")
            self.add_error("until", told % {"day": day(following)})
            return
        self.proposal = replace(proposal, ends=ends(rows, target, until))

    def clean_until(self) -> date | None:
        chosen: date | None = self.cleaned_data["until"]
        if chosen is not None and chosen < self.known.first_day:
            words = {"day": day(self.known.first_day)}
            raise ValidationError(_("This KPI is measured from %(day)s on: choose a day from then on.") % words)
        if chosen is not None and chosen.year > self.known.today.year + 2 * YEARS_AHEAD:
            raise ValidationError(_("Choose a day within the next %(years)d years.") % {"years": 2 * YEARS_AHEAD})
        return chosen

    def _rows(self, numbers: Mapping[str, Decimal | None], start: date) -> tuple[TargetRow | None, ThresholdRow]:
        given = {"low": numbers.get("low"), "high": numbers.get("high"), "value": numbers.get("target")}
        target = TargetRow(effective_from=start, recorded_at=self.known.now, **given)
        threshold = ThresholdRow(
            effective_from=start,
            recorded_at=self.known.now,
            mode=cast("Mode", self.cleaned_data["mode"]),
            **{name: numbers[name] for name in self.limit_names},
        )
        return (target if any(number is not None for number in given.values()) else None), threshold

    def _refuse_what_cannot_judge(self, threshold: ThresholdRow) -> None:
        target = in_force(proposed(self.known.rules, self.proposal).targets, self.proposal.effective_from)
        needs_target = threshold.mode != "absolute" or getattr(threshold, self.limit_names[0]) is None
        if target is None and needs_target:
            self.add_error(self.target_names[0], _("These limits start from the target: say what it is."))
            return
        try:
            validate_thresholds(polarity=self.known.kpi.polarity, threshold=threshold, target=target)
        except LimitsRefused as refused:
            empty = [name for name in self.limit_names if name.startswith("red") and getattr(threshold, name) is None]
            self.add_error(empty[0] if empty else self.limit_names[-1], why_no_limits(refused))

    def numbers_in(self, mode: str) -> dict[str, str]:
        """Return the limits as typed, said in another mode; what can't be read or converted stays as it is."""
        target = self.data.get(self.target_names[0], "")
        return {name: _converted(self, name, mode, target) for name in self.limit_names}


def is_range(kpi: Kpi) -> bool:
    """Return whether the KPI has a goal range and two red flags."""
    return kpi.polarity == Kpi.Polarity.RANGE


def same_numbers(one: TargetRow | ThresholdRow | None, other: TargetRow | ThresholdRow | None) -> bool:
    """Return whether two rows say the same, whenever they were written."""
    if one is None or other is None:
        return one is other
    names = ("value", "low", "high") if isinstance(one, TargetRow) else ("mode", *DIRECTIONAL, *RANGE)
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _initial(known: Known) -> dict[str, Any]:
    """What will be in force when the next period starts, as a person would type it."""
    start, kpi = known.next_start, known.kpi
    target, threshold = in_force(known.rules.targets, start), in_force(known.rules.thresholds, start)

    def text(number: Decimal | None) -> str:
        return typed_text(number, kpi.decimals, locale=known.locale)

    initial: dict[str, Any] = {"effective_from": start, "seen": known.seen, "mode": ThresholdSet.Mode.ABSOLUTE}
    if target is not None:
        low, high = (target.value if end is None else end for end in (target.low, target.high))
        initial |= {"target": text(target.value), "low": text(low), "high": text(high)}
        initial["until"] = last_day(known.rules.targets, start)
    if threshold is not None:
        initial["mode"] = threshold.mode
        initial |= {name: text(getattr(threshold, name)) for name in (*DIRECTIONAL, *RANGE)}
    return initial


def _converted(form: LimitsForm, name: str, mode: str, target_text: str) -> str:
    text, known = form.data.get(name, ""), form.known
    end = "high" if name.endswith("high") else "low"
    target_text = form.data.get(end, "") if is_range(known.kpi) else target_text
    try:
        number = typed_number(text, locale=known.locale, percent=True)
        target = typed_number(target_text, locale=known.locale, percent=True)
        was = form.data.get("mode_shown", "absolute")
        return typed_text(_said(_placed(number, was, target), mode, target), known.kpi.decimals, locale=known.locale)
    except (EntryRefused, ZeroDivisionError):
        return str(text)


def _placed(number: Decimal, mode: str, target: Decimal) -> Decimal:
    if mode == "offset":
        return target + number
    return target + abs(target) * number / HUNDRED if mode == "percent" else number


def _said(number: Decimal, mode: str, target: Decimal) -> Decimal:
    if mode == "offset":
        return number - target
    return round((number - target) * HUNDRED / abs(target), 2) if mode == "percent" else number
