"""The form of one cell: a value or its two parts, or that the period does not apply, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from kpiplatform.dashboards.my_kpis import words
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpiplatform.dashboards.my_kpis.slots import Slot
from kpis.domain.entry_checks import EntryRefused, Problem, typed_number
from kpis.forms import TOLD, ValueExplanationForm
from kpis.models import KeptValue, Kpi
from kpis.readings import Recorded
from kpis.services.asking import answered, needs_reason
from kpis.services.entry import Entry, enter_measurements, takes_parts
from kpis.services.keeping import keep

REASON_LENGTH = 200


class CellForm(forms.Form):
    """What a person says of one period of a KPI. After a refusal everything typed is still in it."""

    use_required_attribute = False  # a period that does not apply has no numbers

    numerator = forms.CharField(max_length=64)
    denominator = forms.CharField(max_length=64)
    value = forms.CharField(max_length=64)
    not_applicable = forms.BooleanField(required=False)
    provisional = forms.BooleanField(required=False)
    reason = forms.CharField(required=False, max_length=REASON_LENGTH)
    seq = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    proposed = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)

    def __init__(
        self, *, slot: Slot, viewer: Viewer, data: Any = None, starts_as: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={**_initial(slot, viewer), **(starts_as or {})})
        self.slot, self.viewer, self.doubt = slot, viewer, ""
        self.telling = ValueExplanationForm(data, period=slot.period, told=slot.kept.told if slot.kept else None)
        self.asks_explanation, self.lacks_explanation = data is None and slot.kept is not None, False
        self.entry: Entry | None = None
        self._word()

    def _word(self) -> None:
        """Label the fields for this KPI and period, and drop those that make no sense here."""
        kpi, period = self.slot.kpi, words.name_of(self.slot.period)
        labels = {
            "value": _("Value, in %(unit)s") % {"unit": kpi.measure_unit} if kpi.measure_unit else _("Value"),
            "numerator": (kpi.numerator_label or _("Numerator")).capitalize(),
            "denominator": (kpi.denominator_label or _("Denominator")).capitalize(),
            "not_applicable": _("%(period)s does not apply") % {"period": period},
            "provisional": _("Provisional: the final value follows"),
            "reason": _("Reason"),
        }
        for name, label in labels.items():
            self.fields[name].label = label
        self.fields["reason"].help_text = (
            _("Why the value differs from what the source says, or why the period does not apply.")
            if kpi.entry == Kpi.Entry.SOURCE
            else _("Needed to change a value that others have read, or to say that the period does not apply.")
        )
        self.fields["reason"].is_needed = needs_reason(kpi, self.slot.period, self.slot.value, today=self.viewer.today)
        for name in ("value", "numerator", "denominator"):
            self.fields[name].error_messages["required"] = _("Type a number, or say that the period does not apply.")
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}
        for name in ["value"] if takes_parts(kpi) else ["numerator", "denominator"]:
            del self.fields[name]
        if self.slot.is_open:
            del self.fields["provisional"]  # an open period always is

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("not_applicable"):
            for name in self._figures():
                self.errors.pop(name, None)
            if any(data.get(name, "").strip() not in {"", self.initial.get(name, "")} for name in self._figures()):
                told = _("You typed a value, too: untick this to record it, or empty the value.")
                self.add_error("not_applicable", told)
        if self.errors:
            return data
        said = self._not_applicable(data) if data["not_applicable"] else self._numbers(data)
        if said is None:
            return data
        self.entry = Entry(
            kpi=self.slot.kpi,
            period=self.slot.period,
            expected_seq=data["seq"],
            provisional=bool(data.get("provisional")),
            note=data["reason"],
            sure="sure" in self.data,
            explanation=self.telling.explanation,
            seen_proposed=data.get("proposed") or 0,
            **said,
        )
        try:
            self._ask(self.entry)
        except EntryRefused as refused:
            self._refuse("numerator" if takes_parts(self.slot.kpi) else "value", refused)
        return data

    def save(self, *, now: datetime) -> Recorded:
        """Store what the form says; raises Conflict or PeriodLocked."""
        assert self.entry is not None
        return enter_measurements(entries=[self.entry], user=self.viewer.user, now=now)

    def keep_unexplained(self, *, now: datetime) -> None:
        """Keep the value where nothing but its explanation is missing."""
        if not self.is_valid() and self.lacks_explanation and self.entry is not None:
            told = {name: self.data.get(name, "") for name in TOLD}
            keep(entry=self.entry, told=told, user=self.viewer.user, today=self.viewer.today, now=now)

    @property
    def was_sure(self) -> bool:
        """Whether it was answered about the value that is kept."""
        return not self.is_bound and self.slot.kept is not None and self.slot.kept.is_sure

    @property
    def is_sure(self) -> bool:
        """Whether the question about an unusual move was answered, and is not asked again."""
        return "sure" in self.data and not self.doubt

    def typed_text(self) -> str:
        """Return what was typed, as it is said in a sentence."""
        if self.cleaned_data["not_applicable"]:
            return _("not applicable")
        return " / ".join(self.data.get(name, "") for name in self._figures())

    def _not_applicable(self, data: dict[str, Any]) -> dict[str, str] | None:
        if not data["reason"]:
            self.add_error("reason", _("Say why the period does not apply."))
            return None
        return {"not_applicable": data["reason"]}

    def _numbers(self, data: dict[str, Any]) -> dict[str, Decimal] | None:
        numbers = {name: self._number(name, data[name]) for name in self._figures()}
        known = {name: number for name, number in numbers.items() if number is not None}
        if len(known) < len(numbers):
            return None
        return known

    def _figures(self) -> list[str]:
        return ["numerator", "denominator"] if takes_parts(self.slot.kpi) else ["value"]

    def _number(self, name: str, text: str) -> Decimal | None:
        percent = name == "value" and self.slot.kpi.measure_unit == "%"
        try:
            return typed_number(text, locale=self.viewer.locale, percent=percent)
        except EntryRefused as refused:
            self._refuse(name, refused)
            return None

    def _ask(self, entry: Entry) -> None:
        """Ask what is still to be said; nothing about a value that somebody else has changed meanwhile."""
        if entry.expected_seq != self.slot.seq:
            return
        answer = answered([entry], today=self.viewer.today)[entry.key]
        self.asks_explanation = self.telling.is_begun
        match answer.question:
            case Problem.REASON_WANTED:
                self.add_error("reason", _("Say why the value changes: others have read it as it stands."))
            case Problem.UNUSUAL if answer.move is not None:
                self.doubt = words.unusual(answer.move, kpi=self.slot.kpi, locale=self.viewer.locale)
            case Problem.EXPLANATION_WANTED:
                self.asks_explanation = self.lacks_explanation = True
                self.add_error(None, words.explanation_wanted(self.typed_text()))
            case None if self.asks_explanation and entry.explanation is None:
                self.add_error(None, _("The explanation is not whole: it says the cause, the action and a day."))

    def _refuse(self, name: str, refused: EntryRefused) -> None:
        slot = self.slot
        text = self.data.get(name, "")
        if name != "value" and refused.problem in {Problem.OUTSIDE, Problem.BELOW, Problem.ABOVE}:
            text = _("The ratio")
        sentence = words.why_refused(refused, text=text, kpi=slot.kpi, period=slot.period, locale=self.viewer.locale)
        self.add_error(name, sentence)


def _initial(slot: Slot, viewer: Viewer) -> dict[str, Any]:
    initial: dict[str, Any] = {"seq": slot.seq, "proposed": slot.waiting.pk if slot.waiting else 0}
    before = slot.kept or slot.waiting or slot.value
    if before is None:
        return initial
    initial["value"] = words.typed(before.value, slot.kpi, viewer.locale)
    for name in ("numerator", "denominator"):
        initial[name] = words.plain(getattr(before, name), viewer.locale)
    if isinstance(before, KeptValue):
        return initial | {"reason": before.note}
    initial["not_applicable"] = before.state == "not_applicable"
    initial["provisional"] = before.state == "provisional"
    initial["reason"] = before.reason if before.state == "not_applicable" else ""
    return initial
