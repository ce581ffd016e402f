"""Fields that read as a person writes: numbers in their locale, days in a native field, people by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from kpis.domain.entry_checks import EntryRefused, Problem, language_of, storable, typed_number, typed_text
from kpis.domain.figures import MARKS
from kpis.models import Kpi


class NumberField(forms.Field):
    """A number as the person's locale writes it; the form sets `locale` before it reads."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "num"})
    locale = "en"

    def __init__(self, *, decimals: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.decimals = decimals

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or not str(value).strip():
            return None
        try:
            return storable(typed_number(str(value), locale=self.locale, percent=True))
        except EntryRefused as refused:
            raise ValidationError(why_not_a_number(refused, str(value), self.locale)) from None

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            whole = value.normalize() if value == value.to_integral_value() else value
            return typed_text(whole, self.decimals, locale=self.locale)
        return value


# Suggests KPIs by a part of their name as `#kpis-named`, where scripts run.
SUGGESTED = {
    "autocomplete": "off",
    "spellcheck": "false",
    "list": "kpis-named",
    "hx-get": reverse_lazy("kpis:named"),
    "hx-trigger": "input changed delay:150ms",
    "hx-target": "#kpis-named",
    "hx-swap": "innerHTML",  # whatever the form itself does
    "hx-sync": "this:replace",
}


class KpiField(forms.Field):
    """A KPI by its code: a choice of all of them would be most of the page where there are thousands.

    Where scripts run, the KPIs that fit what is typed are suggested as `#kpis-named`. Active KPIs are taken, and
    `present`, the one that stands; never `itself`.
    """

    widget = forms.TextInput(attrs={"maxlength": "80", **SUGGESTED})
    itself: Kpi | None = None
    present: Kpi | None = None

    def to_python(self, value: Any) -> Kpi | None:
        code = " ".join(str(value or "").replace("\0", "").split())
        if not code:
            return None
        if self.present is not None and code == self.present.code:
            return self.present
        if self.itself is not None and code.casefold() == self.itself.code.casefold():
            raise ValidationError(_("This is the KPI itself: name another one."))
        found = Kpi.objects.filter(code__iexact=code, status=Kpi.Status.ACTIVE).select_related("unit").first()
        if found is None:
            raise ValidationError(
                _("No active KPI has the code “%s”. Type a part of its name for suggestions.") % code[:40]
            )
        return found

    def prepare_value(self, value: Any) -> Any:
        return value.code if isinstance(value, Kpi) else value


def why_not_a_number(refused: EntryRefused, text: str, locale: str) -> str:
    """Say in a sentence why a text is not taken as a number."""
    words = {"text": text.strip()[:40], "mark": MARKS.get(language_of(locale), MARKS["en"])[1]}
    match refused.problem:
        case Problem.AMBIGUOUS | Problem.OTHER_MARK:
            return _("“%(text)s” can be read in two ways: your decimal mark is “%(mark)s”.") % words
        case Problem.TOO_LARGE:
            return _("A value has at most 20 digits before the decimal mark.")
        case _:
            return _("“%(text)s” is not a number.") % words


def read_in(form: forms.Form, locale: str) -> None:
    """Let every number of the form be read and written in the person's locale."""
    for field in form.fields.values():
        if isinstance(field, NumberField):
            field.locale = locale
