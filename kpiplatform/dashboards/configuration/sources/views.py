"""Sources: the list, one source with its schedule, rules and pulls, and all its pulls."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from alerts.queries import local_date
from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import NotActive
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import posted, today
from kpiplatform.dashboards.configuration.sources.forms import AgainForm, FileForm, ScheduleForm
from kpiplatform.dashboards.configuration.sources.opening import (
    frame_of,
    source_for,
    source_to_manage,
    source_to_read,
)
from kpiplatform.dashboards.configuration.sources.record import records_of
from kpiplatform.dashboards.configuration.sources.ringing import ring
from kpiplatform.dashboards.configuration.sources.rule_words import KINDS, rules_of
from kpiplatform.dashboards.configuration.sources.showing import (
    PULLS_SHOWN,
    STATES,
    is_read_by_days,
    is_watched,
    next_slots_of,
    number_of,
    pull_row,
    settings_shown,
    source_row,
    takes_files,
    unfed_words,
    with_standing,
)
from kpiplatform.htmx import changed, page, wants_partial
from kpis.dates import day
from kpis.models import DataSource, Kpi, Pull, SourceAgreement
from kpis.queries import pulls_of, sources_visible_to
from kpis.services.pulling import request_pull
from kpis.services.sources import set_schedule
from kpis.services.uploads import UploadRefused, take_upload
from objectives.queries import may_configure, organisation

LIST, SOURCE, HISTORY = (f"configuration/{name}.html" for name in ("sources", "source", "pulls"))
HISTORY_SHOWN = 50


@require_safe
def source_list(request: HttpRequest) -> HttpResponse:
    """Show the sources one may see: when each is pulled, how it stands, how well it keeps what was agreed."""
    rows = list(with_standing(sources_visible_to(request.user, today=today())))
    is_admin = may_configure(request.user, today=today())
    if not rows and not is_admin:
        raise Http404
    zone, now = timezone.get_current_timezone(), timezone.now()
    records = records_of(rows, now=now, zone=ZoneInfo(organisation().time_zone))
    shown = [source_row(row, zone=zone, now=now, record=records.get(row.pk)) for row in rows]
    return page(request, LIST, {"rows": shown, "outside_configuration": not is_admin}, partial="list")


@require_http_methods(["GET", "POST"])
def source(request: HttpRequest, code: str) -> HttpResponse:
    """Show a source; POST sets when it is pulled."""
    row = source_for(request, code)
    form = _schedule(request, row, posted(request))
    if form.is_valid():
        try:
            said = form.cleaned_data
            row = set_schedule(source=row, seen=said["seen"], owner=said["owner"], said=said)
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
def pull_now(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for a pull, of the file that is sent with it if one is; one that waits or runs already is the one."""
    row = source_to_manage(request, code)
    form = FileForm(request.POST, request.FILES, source=row) if "sends" in request.POST and takes_files(row) else None
    if form is not None and not form.is_valid():
        return page(request, SOURCE, _source(request, row) | {"file": form}, partial="send", status=422)
    now = timezone.now()
    try:
        with transaction.atomic():
            asked = _with_file(row, form, request.user, now) if form else None
            asked = asked or request_pull(source=row, now=now, by=request.user)
            transaction.on_commit(lambda: ring(row, asked))
    except UploadRefused as refused:
        assert form is not None
        form.add_error("sent", str(refused))
        return page(request, SOURCE, _source(request, row) | {"file": form}, partial="send", status=422)
    return changed(
        request,
        SOURCE,
        _source(request, row),
        partial="pulls",
        fact="pull-requested",
        message=_("%s is being pulled.") % row.name,
        to=reverse("configuration:source", args=[row.code]) + "#pulls",
    )


@require_http_methods(["GET", "POST"])
def pull_again(request: HttpRequest, code: str) -> HttpResponse:
    """Ask from which day on the source is read again; POST asks for that pull."""
    row = source_to_manage(request, code)
    if not is_read_by_days(row):
        raise Http404
    form = AgainForm(posted(request), today=local_date(timezone.now()))
    if form.is_valid():
        with transaction.atomic():
            asked = request_pull(source=row, now=timezone.now(), by=request.user, **form.cleaned_data)
            transaction.on_commit(lambda: ring(row, asked))
        message = _("%(source)s is being read again from %(day)s on.") % {"source": row.name, "day": day(asked.since)}
        context = _source(request, row)
        to = reverse("configuration:source", args=[row.code]) + "#pulls"
        return changed(request, SOURCE, context, partial="again", fact="days-requested", message=message, to=to)
    context = _source(request, row) | {"again": form, "asks_again": True}
    return page(request, SOURCE, context, partial="again", status=422 if form.is_bound else 200)


@require_safe
def pulls(request: HttpRequest, code: str) -> HttpResponse:
    """Show how the last pulls of a source went; asked again and again while one is under way.

    With the last of them a part of the page learns how its rules were kept.
    """
    context = _source(request, source_to_read(request, code)) | {"is_part": wants_partial(request)}
    return page(request, SOURCE, context, partial="pulls")


@require_safe
def history(request: HttpRequest, code: str) -> HttpResponse:
    """Show every pull of a source, the latest first, by state and page by page."""
    row = source_to_read(request, code)
    state = request.GET.get("state", "")
    before = _moment(request.GET.get("before", ""))
    found = pulls_of(row)
    if state in Pull.State.values:
        found = found.filter(state=state)
    if before is not None:
        found = found.filter(begun__lt=before)
    shown = list(found[: HISTORY_SHOWN + 1])
    zone = timezone.get_current_timezone()
    context = frame_of(request, row) | {
        "pulls": [pull_row(one, zone=zone, locale=request.user.locale) for one in shown[:HISTORY_SHOWN]],
        "states": [(value, label, value == state) for value, label in [("", _("all")), *STATES.items()]],
        "state": state,
        "next": shown[HISTORY_SHOWN - 1].begun.isoformat() if len(shown) > HISTORY_SHOWN else "",
    }
    return page(request, HISTORY, context, partial="history")


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _schedule(request: HttpRequest, row: DataSource, data: Any = None) -> ScheduleForm:
    """Return the form of the schedule; only administrators make somebody else the owner."""
    return ScheduleForm(data, source=row, hands_over=may_configure(request.user, today=today()))


def _with_file(row: DataSource, form: FileForm, by: User, now: datetime) -> Pull | None:
    file = form.cleaned_data["sent"]
    return take_upload(source=row, name=file.name, pieces=file.chunks(), by=by, now=now)


def _source(request: HttpRequest, row: DataSource, form: ScheduleForm | None = None) -> dict[str, Any]:
    zone, now, locale = timezone.get_current_timezone(), timezone.now(), request.user.locale
    shown = list(pulls_of(row)[:PULLS_SHOWN])
    records = records_of([row], now=now, zone=ZoneInfo(organisation().time_zone))
    counted = with_standing(DataSource.objects.filter(pk=row.pk)).get()
    fed = Kpi.objects.filter(mapping__source=row).select_related("owner", "unit").order_by("name")
    agreement = getattr(row, "agreement", None) or SourceAgreement()
    return frame_of(request, row) | {
        "standing": source_row(counted, zone=zone, now=now, record=records.get(row.pk)),
        "form": form or _schedule(request, row),
        "file": FileForm(source=row) if takes_files(row) else None,
        "again": AgainForm(today=local_date(now)) if is_read_by_days(row) else None,
        "pulls": [pull_row(one, zone=zone, locale=locale) for one in shown],
        "unfed": unfed_words(next((one for one in shown if one.state == Pull.State.APPLIED), None)),
        "watched": is_watched(shown, now=now),
        "rules": rules_of(row, locale=locale),
        "kinds": KINDS.items(),
        "rows_read_by": agreement.get_rows_visible_to_display(),
        "kpis": fed,
        "reads": settings_shown(row),
        "query": row.config.get("query", ""),
        "usual": number_of(row.usual_rows, locale),
        "slots": next_slots_of(row, after=now, zone=ZoneInfo(organisation().time_zone)),
    }
