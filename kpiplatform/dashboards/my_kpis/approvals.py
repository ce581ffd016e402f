"""Deciding about values that others entered: one, some or all of those that wait for the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from kpiplatform.dashboards.my_kpis import approving, presenter, queries
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpiplatform.htmx import changed, page
from kpis.models import ProposedValue
from kpis.readings import Conflict, PeriodLocked
from kpis.services.proposing import AlreadyDecided, approve, reject

TEMPLATE = "dashboards/my_kpis_approvals.html"
LONGEST_ID = 18  # digits


class DecisionForm(forms.Form):
    """What is decided about which values. Of those that were decided meanwhile there is nothing left to decide."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Needed to reject; whoever entered the value reads it."),
    )

    def __init__(self, data: Any = None, *, waiting: Sequence[ProposedValue]) -> None:
        super().__init__(data, auto_id="decision-%s")
        self.waiting = {str(one.pk): one for one in waiting}

    @property
    def rejects(self) -> bool:
        return self.data.get("decision") == "reject"

    @property
    def named(self) -> list[str]:
        """The values that were named: by a button of their own, all that were shown, or those that were ticked."""
        name = "shown" if self.data.get("decision") == "approve_all" else "one" if "one" in self.data else "chosen"
        return self.data.getlist(name)

    @property
    def chosen(self) -> dict[str, int]:
        """The ids of the values, each with the revision that was shown beside it."""
        tokens = (token.partition("@") for token in self.named)
        return {
            pk: int(seq) for pk, _at, seq in tokens if pk in self.waiting and seq.isdecimal() and len(seq) < LONGEST_ID
        }

    @property
    def gone(self) -> set[int]:
        """The ids of the values that were named and don't wait any more."""
        pks = {token.partition("@")[0] for token in self.named}
        return {int(pk) for pk in pks if pk.isdecimal() and len(pk) < LONGEST_ID and pk not in self.waiting}

    def clean(self) -> dict[str, Any]:
        if self.rejects and not self.cleaned_data.get("reason"):
            self.add_error("reason", _("Say why: whoever entered the value has to know what to do."))
        if not self.named:
            self.add_error(None, _("Choose at least one value."))
        return self.cleaned_data


@require_http_methods(["GET", "HEAD", "POST"])
def approvals(request: HttpRequest) -> HttpResponse:
    """Show the values that wait for the person's approval; POST approves or rejects one, some or all."""
    viewer = presenter.viewer_of(request)
    waiting = queries.waiting_for(viewer.user, now=viewer.now, today=viewer.today)
    form = DecisionForm(request.POST if request.method == "POST" else None, waiting=waiting)
    message = ""
    if form.is_valid():
        message = _decided(form, viewer)
        if not form.errors:
            to = reverse("my:kpis") if "my" in request.POST else reverse("my:approvals")
            context = _context(DecisionForm(waiting=()), viewer)
            return changed(
                request, TEMPLATE, context, partial="body", fact="measurement-recorded", message=message, to=to
            )
    context = _context(form, viewer) | {"but_done": message}
    return page(request, TEMPLATE, context, partial="body", status=422 if form.is_bound else 200)


def _decided(form: DecisionForm, viewer: Viewer) -> str:
    """Decide about each value by itself; return what was done, and note in the form what could not be."""
    done = 0
    overtaken = form.gone - queries.decided_by(viewer.user, form.gone)
    named = {pk: {"kpi": approving.name_of(one)} for pk, one in form.waiting.items()}
    for pk, seq in form.chosen.items():
        try:
            if form.rejects:
                reason = form.cleaned_data["reason"]
                reject(proposed_id=int(pk), reason=reason, user=viewer.user, now=viewer.now)
            else:
                approve(proposed_id=int(pk), seq=seq, user=viewer.user, now=viewer.now)
            done += 1
        except AlreadyDecided:
            overtaken.add(int(pk))
        except Conflict:
            form.add_error(None, _("%(kpi)s has another value meanwhile: compare, then decide again.") % named[pk])
        except PeriodLocked:
            told = _("%(kpi)s is locked: the value still waits. Ask to reopen the period, or reject the value.")
            form.add_error(None, told % named[pk])
    if overtaken:
        says = ngettext(
            "%(n)s value was changed, taken back or decided by somebody else meanwhile: nothing was done about it. "
            "What waits now is shown.",
            "%(n)s values were changed, taken back or decided by somebody else meanwhile: nothing was done about them. "
            "What waits now is shown.",
            len(overtaken),
        )
        form.add_error(None, says % {"n": len(overtaken)})
    if not done:
        return "" if form.errors else _("That was decided already.")
    if form.rejects:
        return ngettext("%(n)s value rejected.", "%(n)s values rejected.", done) % {"n": done}
    return ngettext("%(n)s value approved.", "%(n)s values approved.", done) % {"n": done}


def _context(form: DecisionForm, viewer: Viewer) -> dict[str, Any]:
    waiting = queries.waiting_for(viewer.user, now=viewer.now, today=viewer.today)
    chosen = form.data.getlist("chosen") if form.is_bound else []
    ids = {token.partition("@")[0] for token in chosen}
    rows = approving.compared(waiting, viewer)
    return {
        "form": form,
        "rows": [(row, row.token.partition("@")[0] in ids) for row in rows],
        "open_count": sum(not row.reopen_url for row in rows),
    }
