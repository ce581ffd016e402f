"""Where and how often a KPI is reviewed: the forum that is chosen, its rule in plain words and its next dates."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed, seen_field
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.htmx import page
from kpis.models import Kpi
from kpis.queries import kpis_configured_by
from reviews.models import Forum
from reviews.queries import Reviewing, organisation_zone, reviewing_of, working_days
from reviews.rows import ForumDates, forum_dates
from reviews.services.cadences import choose_forum, seen_choice

TEMPLATE, DATES = "dashboards/kpi_setup/cadence.html", "dashboards/kpi_setup/_dates.html"
DATES_SHOWN = 5


class CadenceForm(forms.Form):
    """The forum that reviews a KPI."""

    forum = forms.ModelChoiceField(
        label=gettext_lazy("Where it is reviewed"), queryset=Forum.objects.none(), required=False
    )
    seen = seen_field()

    def __init__(self, data: Any = None, *, kpi: Kpi, chosen: Forum | None) -> None:
        super().__init__(data, auto_id="cadence-%s", initial={"forum": chosen, "seen": seen_choice(kpi)})
        field = self.fields["forum"]
        active = Forum.objects.filter(is_active=True)
        # A forum that was given up can still be the one that was chosen.
        field.queryset = (active | Forum.objects.filter(pk=chosen.pk)) if chosen else active
        field.empty_label = _("Not chosen: by default, where its unit and tier are looked at")
        field.label_from_instance = lambda forum: forum.name


@require_http_methods(["GET", "POST"])
@admins_only
def cadence(request: HttpRequest, code: str) -> HttpResponse:
    """Show where the KPI is reviewed and on which dates; POST chooses the forum, or only shows its dates."""
    kpi = get_object_or_404(kpis_configured_by(request.user, today=today()).select_related("unit"), code=code)
    reviewing, shows = reviewing_of(kpi), "show" in request.POST
    form = CadenceForm(posted(request), kpi=kpi, chosen=reviewing.chosen)
    if form.is_valid() and not shows and _chosen(form, kpi):
        messages.success(request, _said(kpi))
        response = HttpResponseRedirect(reverse("kpis:cadence", args=[kpi.code]))
        response.status_code = 303
        return response
    forum = form.cleaned_data.get("forum") if form.is_bound else reviewing.chosen
    context = {"kpi": kpi, "form": form, "chosen": reviewing.chosen} | _dates(reviewing, forum)
    refused = form.is_bound and bool(form.errors)
    return page(request, TEMPLATE, context, partial="dates" if shows else "body", status=422 if refused else 200)


@require_safe
@admins_only
def dates_of_forum(request: HttpRequest) -> HttpResponse:
    """Show the rule and the next dates of a forum beside the step that chooses it."""
    wanted = request.GET.get("forum", "")
    forum = Forum.objects.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 10 else None
    days = [forum_dates(forum, working_days(), today=_meeting_day(), count=DATES_SHOWN)] if forum else []
    return page(request, DATES, {"meetings": days}, partial="dates")


def _chosen(form: CadenceForm, kpi: Kpi) -> bool:
    try:
        choose_forum(kpi=kpi, forum=form.cleaned_data["forum"], seen=form.cleaned_data["seen"])
    except ChangedMeanwhile as error:
        refuse_as_changed(form, error, timezone.now())
        form.data["seen"] = seen_choice(kpi)
    return not form.errors


def _dates(reviewing: Reviewing, forum: Forum | None) -> dict[str, Any]:
    """Return the forums that would review the KPI if `forum` were chosen, and those that see it as well."""
    would = Reviewing(chosen=forum, covering=reviewing.covering, working=reviewing.working)
    working = reviewing.working if reviewing.where else working_days()
    meetings: list[ForumDates] = [
        forum_dates(one, working, today=_meeting_day(), count=DATES_SHOWN) for one in would.where
    ]
    return {
        "meetings": meetings,
        "is_chosen": would.is_chosen,
        "given_up": forum is not None and not forum.is_active,
        "besides": [one.name for one in would.besides],
    }


def _said(kpi: Kpi) -> str:
    its = reviewing_of(kpi)
    if its.is_chosen and its.chosen is not None:
        return _("%(kpi)s is reviewed in %(forum)s.") % {"kpi": kpi.name, "forum": its.chosen.name}
    return _("%(kpi)s is reviewed where its unit and tier are looked at.") % {"kpi": kpi.name}


def _meeting_day() -> date:
    """Return the organisation's day: forums meet by its clock."""
    return timezone.now().astimezone(organisation_zone()).date()
