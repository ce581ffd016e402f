"""A change of what a KPI means, as every form asks for it: from when, why, and whether it breaks the series."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed, seen, seen_field
from kpis.domain.formula.errors import FormulaError
from kpis.forms import DayField
from kpis.formula_words import sentence
from kpis.models import Kpi
from kpis.services.defining import SHEET, define
from kpis.services.refusal import Refused

NEEDS_REASON = gettext_lazy("An active KPI changes for a reason: say it.")


class ChangeForm(forms.Form):
    """From when and why what a KPI means changes."""

    effective_from = DayField(label=gettext_lazy("The change holds from"), required=False)
    breaks_series = forms.BooleanField(
        label=gettext_lazy("It breaks the series: values before and after can't be compared"), required=False
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data: Any = None, *, auto_id: str, today: date, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, auto_id=auto_id, initial={"effective_from": today} | (initial or {}))
        self.today = today

    def clean_effective_from(self) -> date:
        # What was never active has no versions, so nothing is asked of it.
        chosen: date = self.cleaned_data["effective_from"] or self.today
        if abs(chosen.year - self.today.year) > 5:
            raise ValidationError(_("Choose a day within five years of today."))
        return chosen

    def ask_for_reason(self) -> None:
        """Refuse a change of an active KPI that nobody gave a reason for."""
        if not self.cleaned_data.get("reason"):
            self.add_error("reason", NEEDS_REASON)


class OneChangeForm(ChangeForm):
    """A change of one KPI whose definition sheet was seen."""

    seen = seen_field()
    values: dict[str, Any]  # what the form says, by column

    def __init__(self, data: Any = None, *, kpi: Kpi, today: date, auto_id: str, initial: dict[str, Any]) -> None:
        super().__init__(data, auto_id=auto_id, today=today, initial=initial | {"seen": seen(kpi, SHEET)})
        self.fields["effective_from"].required = kpi.status in {Kpi.Status.ACTIVE, Kpi.Status.RETIRED}
        self.kpi = kpi

    def refuse_formula(self, error: FormulaError) -> None:
        """Say that the calculation would not be one any more."""
        self.add_error(None, _("The calculation would not fit any more. %(why)s") % {"why": sentence(error)})


def defined(form: OneChangeForm, *, by: User, now: datetime) -> bool:
    """Change the definition as the form says; where that is refused the form says why, and False is returned."""
    said = form.cleaned_data
    try:
        define(
            kpi=form.kpi,
            seen=said["seen"],
            values=form.values,
            effective_from=said["effective_from"],
            reason=said["reason"],
            breaks_series=said["breaks_series"],
            by=by,
            now=now,
        )
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, now)
    except FormulaError as error:
        form.refuse_formula(error)
    except Refused as refused:
        form.add_error(None, str(refused))
    return not form.errors
