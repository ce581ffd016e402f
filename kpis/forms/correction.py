"""Correcting the value of one period of a KPI."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpis.domain.entry_checks import EntryRefused, Problem, language_of, typed_number, typed_text
from kpis.domain.figures import MARKS
from kpis.domain.periods import Period
from kpis.forms.explaining import ValueExplanationForm
from kpis.forms.notes import period_name
from kpis.models import KeptValue, Kpi, Measurement
from kpis.readings import PROVISIONAL
from kpis.services.asking import needs_reason, takes_parts

FIGURES = ("value", "numerator", "denominator")


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
    provisional = forms.BooleanField(label=gettext_lazy("Provisional: the final value follows"), required=False)
    sure = forms.BooleanField(label=gettext_lazy("The value is right"), required=False)
    seq = forms.IntegerField(min_value=0, widget=forms.HiddenInput)  # the revision that the person saw

    def __init__(
        self,
        data: Any = None,
        *,
        kpi: Kpi,
        period: Period,
        present: Measurement | None,
        kept: KeptValue | None,
        locale: str,
        today: date,
    ) -> None:
        super().__init__(data, auto_id="correct-%s")
        self.kpi, self.period, self.locale = kpi, period, locale
        self.numbers: dict[str, Decimal | None] = {}
        self.telling = ValueExplanationForm(data, period=period, told=kept.told if kept else None)
        self.asks_explanation = self.telling.is_begun or (data is None and kept is not None)
        self.asks_sure = bool(data.get("sure") if data else kept and kept.is_sure)
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
            self.initial[name] = typed_text(getattr(kept or present, name, None), decimals, locale=locale)
        self.fields[wanted[0]].widget.attrs["autofocus"] = True
        if kept is not None:
            self.initial |= {"note": kept.note, "sure": kept.is_sure}
        elif present is not None and present.state == "not_applicable":
            self.initial["not_applicable"] = present.reason
        self.initial["provisional"] = present is not None and present.state == PROVISIONAL
        if period.end > today:
            del self.fields["provisional"]  # an open period always is
        # The service asks for it where the value changes: the same value again needs none.
        self.fields["note"].is_needed = needs_reason(kpi, period, present, today=today)

    def clean(self) -> dict[str, Any]:
        self.seq_shown = self.cleaned_data.get("seq", self.seq_shown)
        if self.cleaned_data.get("not_applicable"):
            if self._typed_a_number():
                told = _("A period has a value, or a reason why it does not apply: empty one of the two.")
                self.add_error("not_applicable", told)
            return self.cleaned_data
        for name in FIGURES:
            if name in self.fields and name not in self.errors:
                self._read(name)
        return self.cleaned_data

    def _typed_a_number(self) -> bool:
        """Return whether a number was typed, and not just left where it stood."""
        typed = ((self.cleaned_data.get(name, "").strip(), self.initial.get(name)) for name in FIGURES)
        return any(text and text != before for text, before in typed)

    @property
    def number_fields(self) -> list[forms.BoundField]:
        """The fields that take numbers."""
        return [self[name] for name in FIGURES if name in self.fields]

    def _read(self, name: str) -> None:
        text = self.cleaned_data.get(name, "")
        try:
            self.numbers[name] = typed_number(text, locale=self.locale, percent=self.kpi.measure_unit == "%")
        except EntryRefused as refused:
            self.add_error(name, self.why_refused(refused, text))

    def refuse(self, refused: EntryRefused) -> None:
        """Add what the service found wrong to the field it is about."""
        self.asks_sure = self.asks_sure or refused.problem is Problem.UNUSUAL
        self.asks_explanation = self.asks_explanation or refused.problem is Problem.EXPLANATION_WANTED
        fields = {Problem.REASON_WANTED: "note", Problem.UNUSUAL: "sure", Problem.EXPLANATION_WANTED: None}
        field = fields.get(refused.problem, next(iter(self.fields)))
        self.add_error(field, self.why_refused(refused, str(self.cleaned_data.get(field or "", ""))))

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
            case Problem.REASON_WANTED if self.kpi.entry == Kpi.Entry.SOURCE:
                return _("Say why the value differs from what the source says.")
            case Problem.REASON_WANTED:
                return _("Others have read the present value: say why it changes.")
            case Problem.UNUSUAL if refused.move is not None:
                before, move = (
                    typed_text(number, self.kpi.decimals, locale=self.locale)
                    for number in (refused.move.before, refused.move.move)
                )
                usual = typed_text(round(refused.move.usual, self.kpi.decimals + 1), 0, locale=self.locale)
                facts = {"move": move, "before": before, "usual": usual}
                return _("A move of %(move)s from %(before)s, where %(usual)s is usual: say that it is right.") % facts
            case Problem.EXPLANATION_WANTED:
                return _(
                    "The value scores so low that it is saved with its explanation: tell it below. "
                    "Until then it is kept here for you and does not count."
                )
            case _:
                return _("This KPI is computed from others and takes no value.")
