"""Sources: the list, one source with its schedule and pulls, one pull with what it changed."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from kpiplatform.accounts.services import NotActive
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import admins_only, posted
from kpiplatform.dashboards.configuration.sources.forms import DecisionForm, ScheduleForm
from kpiplatform.dashboards.configuration.sources.showing import (
    CHANGES_SHOWN,
    PULLS_SHOWN,
    REFUSALS_SHOWN,
    changes_of,
    is_watched,
    number_of,
    pull_row,
    source_row,
    sources,
)
from kpiplatform.htmx import changed, page
from kpis.models import DataSource, Kpi, Pull
from kpis.services.applying import NotHeld
from kpis.services.pulling import apply_held_pull, discard_held_pull, request_pull
from kpis.services.sources import set_schedule
from kpis.tasks import pull_source

log = logging.getLogger(__name__)
LIST, SOURCE, PULL = (f"configuration/{name}.html" for name in ("sources", "source", "pull"))


@require_safe
@admins_only
def source_list(request: HttpRequest) -> HttpResponse:
    """Show every source: when it is pulled, how it stands."""
    zone = timezone.get_current_timezone()
    return page(request, LIST, {"rows": [source_row(row, zone=zone) for row in sources()]}, partial="list")


@require_http_methods(["GET", "POST"])
@admins_only
def source(request: HttpRequest, code: str) -> HttpResponse:
    """Show a source; POST sets when it is pulled."""
    row = get_object_or_404(DataSource.objects.select_related("owner"), code=code)
    form = ScheduleForm(posted(request), source=row)
    if form.is_valid():
        try:
            row = set_schedule(source=row, **form.cleaned_data)
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        except NotActive as refused:
            form.add_error("owner", str(refused))
        else:
            message = _("The schedule of %s is saved.") % row.name
            context = _source(request, row)
            return changed(request, SOURCE, context, partial="schedule", fact="source-changed", message=message)
    status = 422 if form.is_bound else 200
    return page(request, SOURCE, _source(request, row, form), partial="schedule", status=status)


@require_POST
@admins_only
def pull_now(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for a pull; one that waits or runs already is the one."""
    row = get_object_or_404(DataSource, code=code)
    with transaction.atomic():
        asked = request_pull(source=row, now=timezone.now())
        transaction.on_commit(lambda: _ring(row, asked))
    return changed(
        request,
        SOURCE,
        _source(request, row),
        partial="pulls",
        fact="pull-requested",
        message=_("%s is being pulled.") % row.name,
        to=reverse("configuration:source", args=[row.code]) + "#pulls",
    )


@require_safe
@admins_only
def pulls(request: HttpRequest, code: str) -> HttpResponse:
    """Show how the last pulls of a source went; asked again and again while one is under way."""
    row = get_object_or_404(DataSource.objects.select_related("owner"), code=code)
    return page(request, SOURCE, _source(request, row), partial="pulls")


@require_http_methods(["GET", "POST"])
@admins_only
def pull(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Show what a pull changed; POST applies a held one or puts it aside."""
    row = get_object_or_404(Pull.objects.select_related("source"), pk=pk, source__code=code)
    form = DecisionForm(posted(request))
    if form.is_valid():
        applies = request.POST.get("decision") == "apply"
        decide = apply_held_pull if applies else discard_held_pull
        try:
            decide(pull_id=row.pk, by=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
        except NotHeld:
            form.add_error(None, _("Somebody decided already, or a newer pull was applied. Nothing was changed."))
        else:
            row.refresh_from_db()
            message = _("The values of the pull are applied.") if applies else _("The pull is put aside.")
            context = _pull(request, row)
            return changed(request, PULL, context, partial="pull", fact="pull-decided", message=message)
    return page(request, PULL, _pull(request, row, form), partial="pull", status=422 if form.is_bound else 200)


def _ring(source: DataSource, asked: Pull) -> None:
    try:
        pull_source.delay(source.pk, asked.slot.isoformat())
    except OperationalError:
        log.warning("the broker does not answer; the pull of %s waits for the next tick", source.code)


def _source(request: HttpRequest, row: DataSource, form: ScheduleForm | None = None) -> dict[str, Any]:
    zone, now = timezone.get_current_timezone(), timezone.now()
    shown = list(row.pulls.order_by("-slot")[:PULLS_SHOWN])
    counted = source_row(sources().get(pk=row.pk), zone=zone)
    fed = Kpi.objects.filter(mapping__source=row).select_related("owner", "unit").order_by("name")
    return {
        "source": row,
        "standing": counted,
        "form": form or ScheduleForm(source=row),
        "pulls": [pull_row(one, zone=zone, locale=request.user.locale) for one in shown],
        "watched": is_watched(shown, now=now),
        "kpis": fed,
        "reads": [
            (name.replace("_", " ").capitalize(), value)
            for name, value in row.config.items()
            if name != "query" and isinstance(value, str)
        ],
        "query": row.config.get("query", ""),
        "usual": number_of(row.usual_rows, request.user.locale),
    }


def _pull(request: HttpRequest, row: Pull, form: DecisionForm | None = None) -> dict[str, Any]:
    changes, total = changes_of(row, locale=request.user.locale)
    return {
        "source": row.source,
        "pull": row,
        "shown": pull_row(row, zone=timezone.get_current_timezone(), locale=request.user.locale),
        "is_held": row.state == Pull.State.SUSPECT,
        "changes": changes,
        "total": number_of(total, request.user.locale),
        "more": total > CHANGES_SHOWN,
        "refusals": row.refusals.order_by("id")[:REFUSALS_SHOWN],
        "form": form or DecisionForm(),
    }
