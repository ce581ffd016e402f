"""How the organisation takes values that people type: what is asked, and whether four eyes are needed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed, seen, seen_field
from kpiplatform.dashboards.configuration.entry import admins_only, posted
from kpiplatform.dashboards.kpi_setup.fields import NumberField, read_in
from kpiplatform.htmx import changed, page
from kpis.models import EntryRules, Kpi
from kpis.queries import entry_rules
from kpis.services.entry_rules import set_entry_rules

TEMPLATE = "configuration/values.html"
HIGHEST_FACTOR, HIGHEST_SCORE = 1000, 10


class EntryRulesForm(forms.Form):
    """The rules that hold for every KPI whose definition does not say otherwise."""

    unusual_factor = NumberField(
        label=gettext_lazy("Asks “is it right?” from, times the usual move"),
        help_text=gettext_lazy(
            "The usual move is the median from one period to the next over the past half year. 0 never asks."
        ),
    )
    explain_below = NumberField(
        label=gettext_lazy("Needs an explanation below a score of"),
        required=False,
        help_text=gettext_lazy(
            "Cause, action and the day of recovery are told in the same step. 3.33 asks for every red, 6.67 for "
            "everything short of the goal; empty never asks. Open periods are not asked about."
        ),
    )
    owner_needs_approval = forms.BooleanField(
        label=gettext_lazy("Owners don't approve their own values"),
        required=False,
        help_text=gettext_lazy(
            "Where a KPI needs approval, the owner's own values wait as well, for the deputy, the data steward or an "
            "administrator. Nobody ever approves what they entered themselves."
        ),
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, rules: EntryRules, locale: str) -> None:
        super().__init__(data, auto_id="rules-%s")
        self.initial = {name: getattr(rules, name) for name in ("unusual_factor", "explain_below")}
        self.initial |= {"owner_needs_approval": rules.owner_needs_approval, "seen": seen(rules)}
        read_in(self, locale)

    def clean_unusual_factor(self) -> Decimal:
        factor: Decimal = self.cleaned_data["unusual_factor"]
        if not 0 <= factor <= HIGHEST_FACTOR:
            raise ValidationError(_("Between 0 and 1000 times."))
        return factor

    def clean_explain_below(self) -> Decimal | None:
        score: Decimal | None = self.cleaned_data["explain_below"]
        if score is not None and not 0 <= score <= HIGHEST_SCORE:
            raise ValidationError(_("A score lies between 0 and 10."))
        return score


@require_http_methods(["GET", "POST"])
@admins_only
def rules(request: HttpRequest) -> HttpResponse:
    """Show how values by hand are taken; POST changes it."""
    stands = entry_rules()
    form = EntryRulesForm(posted(request), rules=stands, locale=request.user.locale)
    if form.is_valid():
        said = form.cleaned_data
        try:
            stands = set_entry_rules(
                seen=said["seen"],
                unusual_factor=said["unusual_factor"],
                explain_below=said["explain_below"],
                owner_needs_approval=said["owner_needs_approval"],
            )
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        else:
            form = EntryRulesForm(rules=stands, locale=request.user.locale)
            message = _("The rules for values by hand are saved.")
            context = {"form": form, "exceptions": _exceptions()}
            return changed(request, TEMPLATE, context, partial="form", fact="entry-rules-changed", message=message)
    context = {"form": form, "exceptions": _exceptions()}
    return page(request, TEMPLATE, context, partial="form", status=422 if form.is_bound else 200)


def _exceptions() -> list[Kpi]:
    """Return the KPIs that have rules of their own."""
    own = Q(needs_approval=True) | Q(unusual_factor__isnull=False) | Q(explain_below__isnull=False)
    return list(Kpi.objects.filter(own).exclude(status=Kpi.Status.RETIRED).order_by("name"))
