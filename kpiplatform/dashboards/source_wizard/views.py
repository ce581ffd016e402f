"""Connecting a source, step by step; whatever is chosen is kept until it feeds KPIs. Only administrators."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from kpiplatform.accounts.services import NotActive
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.dashboards.configuration.sources.ringing import ring
from kpiplatform.dashboards.models import SourceSetup
from kpiplatform.dashboards.source_wizard.assigning import (
    AssignForm,
    Group,
    assign,
    chosen,
    read_again,
    suggested_common,
)
from kpiplatform.dashboards.source_wizard.finishing import connect, turned, wanted
from kpiplatform.dashboards.source_wizard.forms import BeginForm, ConnectForm, MeasureForm
from kpiplatform.dashboards.source_wizard.looking import (
    as_written,
    days_unread,
    look,
    look_at_tables,
    rows_shown,
    suggested,
    with_sentences,
    written_shown,
)
from kpiplatform.dashboards.source_wizard.reading_form import ReadingForm
from kpiplatform.dashboards.source_wizard.settings_form import SettingsForm, with_query
from kpiplatform.dashboards.source_wizard.steps import steps_of
from kpiplatform.dashboards.source_wizard.trying import DAYS_FOR_GROUPS, GROUPS_AT_MOST, groups, values, values_shown
from kpiplatform.htmx import page
from kpis.models import DataSource, Kpi
from kpis.services.connecting import FedElsewhere, begin_source, set_access
from kpis.services.freshness import is_scheduled
from kpis.services.pulling import request_pull
from kpis.services.refusal import Refused
from kpis.services.uploads import UploadRefused, take_upload
from kpis.sources.base import SourceError
from kpis.sources.measures import Measure
from kpis.sources.registry import settings_of
from kpis.sources.settings import READING
from kpis.words import in_words

READ_BY = {one.name for one in READING}


@require_http_methods(["GET", "POST"])
@admins_only
def begin(request: HttpRequest) -> HttpResponse:
    """Ask for name, kind and owner; what is sent begins a source, once per page."""
    form = BeginForm(posted(request), reader=request.user)
    if form.is_valid():
        said = form.cleaned_data
        token = _token(request.POST.get("token", ""))
        known = SourceSetup.objects.filter(token=token, author=request.user).select_related("source").first()
        if known is not None:
            return _go("source_access", known.source)
        try:
            with transaction.atomic():
                source = begin_source(name=said["name"], kind=said["kind"], owner=said["owner"])
                SourceSetup.objects.create(source=source, token=token, author=request.user)
        except NotActive as refused:
            form.add_error("owner", str(refused))
        else:
            return _go("source_access", source)
    context = {"form": form, "steps": steps_of(None, None, "begin"), "token": uuid.uuid4()}
    return page(request, "configuration/wizard/begin.html", context, partial="body", status=_status(form))


@require_http_methods(["GET", "POST"])
@admins_only
def access(request: HttpRequest, code: str) -> HttpResponse:
    """Ask where the source is and how to get in; then take a first look."""
    source, setup = _source(request, code)
    declared = [one for one in settings_of(source.kind) if one.name not in READ_BY]
    tables = setup.look.get("tables")
    said, only_asks = with_query(posted(request), tables), bool(request.POST.keys() & {"again", "use"})
    form = SettingsForm(
        None if only_asks else said,
        None if only_asks else request.FILES or None,
        typed=said if only_asks else None,
        source=source,
        declared=declared,
        has_secrets=frozenset(source.credentials.values_list("name", flat=True)),
        choices=setup.look.get("choices"),
    )
    find = request.POST.get("find", setup.look.get("find", ""))[:80]
    # Enter in the field that finds a table presses the first button of the form.
    asks_for_tables = "tables" in request.POST or find != setup.look.get("find", "")
    looks_at_tables = asks_for_tables and "query" in form.fields
    if looks_at_tables:
        form.fields["query"].required = False
    if "use" in request.POST and "query" in form.fields:
        form.fields["query"].widget.attrs["autofocus"] = True  # the button that was pressed is gone
    if form.is_valid():
        try:
            source = set_access(
                source=source,
                seen=form.cleaned_data["seen"],
                config=form.config(),
                secrets=form.secrets(),
                by=request.user,
                now=timezone.now(),
            )
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        else:
            refusal = _take_file(request, source, form.cleaned_data.get("sent"))
            if refusal:
                form.add_error("sent", refusal)
            elif looks_at_tables:
                look_at_tables(source=source, setup=setup, find=find, now=timezone.now())
                return _go("source_access", source)
            else:
                source = as_written(source=source, setup=setup, by=request.user, now=timezone.now())
                can_be_read = look(source=source, setup=setup, now=timezone.now())
                return _go("source_reading" if can_be_read else "source_access", source)
    context = _context(source, setup, "access") | {
        "form": form,
        "look": with_sentences(setup.look),
        "has_query": "query" in form.fields,
        "tables": tables,
    }
    return page(request, "configuration/wizard/access.html", context, partial="body", status=_status(form))


@require_http_methods(["GET", "POST"])
@admins_only
def reading(request: HttpRequest, code: str) -> HttpResponse:
    """Show the first rows and ask how they are read; each answer is tried on them."""
    source, setup = _source(request, code)
    form = ReadingForm(posted(request), source=source, look=setup.look, guessed=suggested(setup.look))
    if "again" in request.POST and not source.mappings.exists():
        form.fields["date_column"].required = False  # steps may make it first
    if form.is_valid():
        try:
            source = set_access(
                source=source,
                seen=form.cleaned_data["seen"],
                config=form.config(),
                secrets={},
                is_snapshot=form.cleaned_data["is_snapshot"],
                by=request.user,
                now=timezone.now(),
            )
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        else:
            can_be_read = look(source=source, setup=setup, now=timezone.now())
            goes_on = can_be_read and not setup.look["days_unread"] and "again" not in request.POST
            return _go("source_figures" if goes_on else "source_reading", source)
    changed = setup.look.get("before") != setup.look.get("after")
    looks = [(rows_shown(setup.look.get("before", {})), _("First rows"), "before")]
    looks += [(rows_shown(setup.look["after"]), _("After the steps"), "after")] if changed else []
    context = _context(source, setup, "reading") | {
        "form": form,
        "look": with_sentences(setup.look),
        "looks": looks,
        "written": written_shown(setup.look),
        "days_unread": days_unread(setup.look, source.config.get("date_column", "")),
    }
    return page(request, "configuration/wizard/reading.html", context, partial="body", status=_status(form))


@require_http_methods(["GET", "POST"])
@admins_only
def figures(request: HttpRequest, code: str) -> HttpResponse:
    """List the figures that were chosen; POST adds one and reads which groups there are."""
    source, setup = _source(request, code)
    form = MeasureForm(posted(request), columns=setup.look.get("columns", []), locale=request.user.locale)
    if form.is_valid():
        measure = form.measure()
        known = next((n for n, entry in enumerate(setup.measures) if entry["measure"] == measure.to_store()), None)
        if known is not None:
            return _go("source_figure", source, known)
        try:
            found = groups(source, measure, today=today())
        except SourceError as error:
            form.add_error(None, in_words(error.why, locale=request.user.locale))
        else:
            setup.measures = [*setup.measures, {"measure": measure.to_store(), "groups": found}]
            setup.tried = {}
            setup.save()
            return _go("source_figure", source, len(setup.measures) - 1)
    shown = [
        {"name": entry["measure"]["name"], "count": len(entry.get("assigned", [])), "place": place}
        for place, entry in enumerate(setup.measures)
    ]
    context = _context(source, setup, "figures") | {"form": form, "figures": shown}
    return page(request, "configuration/wizard/figures.html", context, partial="body", status=_status(form))


@require_http_methods(["GET", "POST"])
@admins_only
def figure(request: HttpRequest, code: str, place: int) -> HttpResponse:
    """Ask which group of a figure goes to which KPI; remove=1 takes the figure away, groups=1 looks for new groups."""
    source, setup = _source(request, code)
    if place >= len(setup.measures):
        raise Http404
    if request.POST.get("remove"):
        setup.measures = [*setup.measures[:place], *setup.measures[place + 1 :]]
        setup.tried = {}
        setup.save()
        messages.success(request, _("The figure is taken away. KPIs that it fed already keep their mapping."))
        return _go("source_figures", source)
    entry = setup.measures[place]
    measure = Measure.stored(entry["measure"])
    reads_again, unread = bool(request.POST.get("groups")), None
    if reads_again:
        try:
            entry["groups"] = read_again(entry["groups"], groups(source, measure, today=today()))
        except SourceError as error:
            unread = error.why
        setup.save()
    form = AssignForm(
        None if reads_again else posted(request),
        measure=measure,
        groups=[Group(**group) for group in entry["groups"]],
        kpis=_open_to(source),
        initial=suggested_common(setup, place) | chosen(entry) | (request.POST.dict() if reads_again else {}),
        locale=request.user.locale,
    )
    if form.is_valid():
        assign(setup, place, assigned=form.assigned(), common=form.stored_common())
        setup.save()
        return _try(request, source, setup)
    context = _context(source, setup, "figures") | {
        "form": form,
        "measure": measure,
        "place": place,
        "days": DAYS_FOR_GROUPS.days,
        "unread": unread,
        "most": GROUPS_AT_MOST if len(entry["groups"]) >= GROUPS_AT_MOST else 0,
    }
    return page(request, "configuration/wizard/figure.html", context, partial="body", status=_status(form))


@require_http_methods(["GET", "POST"])
@admins_only
def tried(request: HttpRequest, code: str) -> HttpResponse:
    """Show the values that the chosen KPIs would have; POST makes the KPIs and lets the source feed them."""
    source, setup = _source(request, code)
    if "again" in request.POST:
        return _try(request, source, setup)
    form = ConnectForm(posted(request), turned=turned(setup), today=today())
    if form.is_valid():
        now = timezone.now()
        try:
            with transaction.atomic():
                changed = connect(setup=setup, change=form.change, by=request.user, today=today(), now=now)
                if changed:
                    asked = request_pull(source=source, now=now, by=request.user)
                    transaction.on_commit(lambda: ring(source, asked))
        except (NotActive, Refused, FedElsewhere) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _connected(source, changed))
            return _go("source", source)
    context = _context(source, setup, "values") | {
        "tried": values_shown(setup.tried, locale=request.user.locale),
        "form": form,
    }
    return page(request, "configuration/wizard/values.html", context, partial="body", status=_status(form))


def _connected(source: DataSource, changed: int) -> str:
    feeds = ngettext("%(source)s feeds %(count)d KPI anew.", "%(source)s feeds %(count)d KPIs anew.", changed)
    told = feeds % {"source": source.name, "count": changed}
    if not changed:
        return told
    if is_scheduled(source):
        return f"{told} {_('It is being pulled; say below when it is pulled from now on.')}"
    return f"{told} {_('Its file is being read; the next ones are sent in here.')}"


def _try(request: HttpRequest, source: DataSource, setup: SourceSetup) -> HttpResponse:
    """Compute the values of all chosen KPIs and keep them, or the sentence why there are none."""
    try:
        setup.tried = values(source, list(wanted(setup)), today=today(), now=timezone.now())
    except SourceError as error:
        setup.tried = {"error": error.why.to_store()}
    setup.save()
    return _go("source_values", source)


def _take_file(request: HttpRequest, source: DataSource, file: Any) -> str:
    """Keep a file that was sent in; return why it is not kept."""
    if file is None:
        return ""
    try:
        take_upload(source=source, name=file.name, pieces=file.chunks(), by=request.user, now=timezone.now())
    except UploadRefused as refused:
        return str(refused)
    return ""


def _source(request: HttpRequest, code: str) -> tuple[DataSource, SourceSetup]:
    """Return the source and what was chosen for it; of a source that was not connected here, nothing yet."""
    source = get_object_or_404(DataSource, code=code)
    known = SourceSetup.objects.filter(source=source).first()
    return source, known or SourceSetup(source=source, author=request.user)


def _open_to(source: DataSource) -> QuerySet[Kpi]:
    """Return the KPIs that the source may feed: those without another source, and none that is computed."""
    free = Kpi.objects.filter(status=Kpi.Status.ACTIVE).exclude(entry=Kpi.Entry.DERIVED)
    return free.filter(Q(mapping=None) | Q(mapping__source=source)).order_by("name")


def _context(source: DataSource, setup: SourceSetup, current: str) -> dict[str, Any]:
    return {"source": source, "steps": steps_of(source, setup, current)}


def _status(form: Any) -> int:
    return 422 if form.is_bound else 200


def _token(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()


def _go(name: str, source: DataSource, *more: Any) -> HttpResponse:
    response = HttpResponseRedirect(reverse(f"configuration:{name}", args=[source.code, *more]))
    response.status_code = 303
    return response
