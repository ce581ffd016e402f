"""Calendars: the list, one calendar with its preview, holidays and locks."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.calendars.forms import CalendarForm, FollowForm, HolidaysForm, LockForm
from kpiplatform.dashboards.configuration.calendars.preview import coming_periods, in_words
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.htmx import changed, page
from kpis.dates import day, moment, weekday
from kpis.models import Holiday, Kpi, PeriodCalendar
from kpis.queries import calendar_of
from kpis.services.calendars import (
    Followed,
    Refused,
    add_calendar,
    add_holidays,
    change_calendar,
    closing,
    follow,
    follow_no_more,
    lock_periods,
    make_default,
    remove_holiday,
)
from objectives.models import Unit
from objectives.queries import organisations_day

LIST, NEW, CALENDAR = (f"configuration/{name}.html" for name in ("calendars", "calendar_new", "calendar"))


@require_safe
@admins_only
def calendar_list(request: HttpRequest) -> HttpResponse:
    """Show every calendar in words."""
    alive = Count("kpis", filter=~Q(kpis__status=Kpi.Status.RETIRED))
    rows = [
        {
            "calendar": row,
            "words": in_words(calendar_of(row)),
            "kpis": ngettext("%d KPI", "%d KPIs", row.kpis_count) % row.kpis_count,
        }
        for row in PeriodCalendar.objects.annotate(kpis_count=alive).order_by("-is_default", "name")
    ]
    return page(request, LIST, {"rows": rows}, partial="list")


@require_http_methods(["GET", "POST"])
@admins_only
def new_calendar(request: HttpRequest) -> HttpResponse:
    """Make a calendar."""
    form = CalendarForm(posted(request))
    if form.is_valid():
        try:
            with transaction.atomic():
                row = add_calendar(name=form.cleaned_data["name"], said=form.cleaned_data)
        except IntegrityError:  # the same form, sent twice at once
            form.add_error("name", _("There is a calendar of that name already."))
        else:
            return changed(
                request,
                NEW,
                {"form": CalendarForm(), "made": row, "groups": coming_periods(CalendarForm().cut(), today())},
                partial="form",
                fact="calendar-added",
                message=_("%s is added.") % row.name,
                to=reverse("configuration:calendar", args=[row.pk]),
            )
    context = {"form": form, "groups": coming_periods(form.cut(), today())}
    return page(request, NEW, context, partial="form", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@admins_only
def calendar(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a calendar; POST changes it."""
    row = get_object_or_404(PeriodCalendar, pk=pk)
    form = CalendarForm(posted(request), calendar=row)
    if form.is_valid():
        said = form.cleaned_data
        try:
            row = change_calendar(calendar=row, seen=said["seen"], name=said["name"], said=said)
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return _changed(request, row, "calendar-changed", _("The calendar is saved."))
    return _page(request, row, form=form)


@require_safe
@admins_only
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the coming periods of a calendar as it is typed, 0 for a new one; nothing is saved."""
    row = get_object_or_404(PeriodCalendar, pk=pk) if pk else None
    form = CalendarForm(request.GET or None, calendar=row)
    groups = coming_periods(form.cut(), today())
    if row is None:
        return page(request, NEW, {"form": form, "groups": groups}, partial="preview")
    return page(request, CALENDAR, _context(row, form=form) | {"groups": groups}, partial="preview")


@require_POST
@admins_only
def default(request: HttpRequest, pk: int) -> HttpResponse:
    """Let new KPIs follow this calendar."""
    row = get_object_or_404(PeriodCalendar, pk=pk)
    make_default(calendar=row)
    row.refresh_from_db()
    return _changed(request, row, "calendar-changed", _("New KPIs follow %s.") % row.name)


@require_POST
@admins_only
def holidays(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a pasted list of days, or remove one."""
    row = get_object_or_404(PeriodCalendar, pk=pk)
    if removed := request.POST.get("remove", ""):
        known = Holiday.objects.filter(calendar=row, pk=removed).first() if removed.isdecimal() else None
        if known is not None:
            remove_holiday(calendar=row, day=known.day)
        message = _("%s is no holiday any more; add the day again to undo it.") % day(known.day) if known else ""
        return _changed(request, row, "holiday-removed", message)
    form = HolidaysForm(request.POST)
    if not form.is_valid():
        return _page(request, row, holidays_form=form)
    added = add_holidays(calendar=row, days=form.cleaned_data["days"])
    message = ngettext("%d holiday is added.", "%d holidays are added.", added) % added
    return _changed(request, row, "holidays-added", message)


@require_POST
@admins_only
def followers(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a unit follow the calendar, or no more."""
    row = get_object_or_404(PeriodCalendar, pk=pk)
    if removed := request.POST.get("remove", ""):
        known = row.followers.select_related("unit").filter(pk=removed).first() if removed.isdecimal() else None
        if known is not None:
            follow_no_more(unit=known.unit)
        said = _("%s follows the units above it again; its KPIs keep this calendar.")
        return _changed(request, row, "calendar-changed", said % known.unit.name if known else "")
    form = FollowForm(request.POST)
    if not form.is_valid():
        return _page(request, row, follow_form=form)
    unit = form.cleaned_data["unit"]
    said = {"calendar": row, "moves_kpis": form.cleaned_data["moves_kpis"], "by": request.user}
    now = timezone.now()
    followed = follow(unit=unit, **said, today=organisations_day(now), now=now)
    return _changed(request, row, "calendar-changed", _followed_words(unit, row, followed))


def _followed_words(unit: Unit, row: PeriodCalendar, followed: Followed) -> str:
    words = {"unit": unit.name, "calendar": row.name, "moved": followed.moved, "left": followed.left}
    said = [_("%(unit)s and the units below follow %(calendar)s.") % words]
    if followed.moved:
        said.append(ngettext("%(moved)d KPI moved to it.", "%(moved)d KPIs moved to it.", followed.moved) % words)
    if followed.left:
        kept = ngettext(
            "%(left)d KPI kept its calendar: periods of its values or what is locked of it would change.",
            "%(left)d KPIs kept their calendar: periods of their values or what is locked of them would change.",
            followed.left,
        )
        said.append(kept % words)
    return " ".join(said)


@require_POST
@admins_only
def lock(request: HttpRequest, pk: int) -> HttpResponse:
    """Close periods to writing."""
    row, form = get_object_or_404(PeriodCalendar, pk=pk), LockForm(request.POST)
    now = timezone.now()
    if form.is_valid():
        said = {name: value for name, value in form.cleaned_data.items() if name != "sure"}
        try:
            if not form.is_sure and said["until"] < organisations_day(now):
                form.ask(closing(calendar=row, unit=said["unit"], until=said["until"]))
                return _page(request, row, lock_form=form)
            made = lock_periods(calendar=row, by=request.user, today=organisations_day(now), now=now, **said)
        except Refused as refused:
            form.add_error("until", str(refused))
        else:
            message = _("Periods that end up to %s are locked.") % day(made.last_day)
            return _changed(request, row, "periods-locked", message)
    return _page(request, row, lock_form=form)


def _context(
    row: PeriodCalendar,
    *,
    form: CalendarForm | None = None,
    holidays_form: HolidaysForm | None = None,
    lock_form: LockForm | None = None,
    follow_form: FollowForm | None = None,
) -> dict[str, Any]:
    zone = timezone.get_current_timezone()
    locks = row.locks.select_related("unit", "locked_by").order_by("-locked_until", "unit__path")
    return {
        "calendar": row,
        "words": in_words(calendar_of(row)),
        "form": form or CalendarForm(calendar=row),
        "groups": coming_periods(calendar_of(row), today()),
        "holidays": [{"pk": one.pk, "day": _with_weekday(one.day), "name": one.name} for one in _holidays(row)],
        "holidays_form": holidays_form or HolidaysForm(),
        "locks": [
            {
                "until": day(one.last_day),
                "unit": one.unit.name if one.unit else _("every unit"),
                "reason": one.reason,
                "who": one.locked_by.name,
                "at": moment(one.locked_at, zone),
            }
            for one in locks
        ],
        "lock_form": lock_form or LockForm(),
        "followers": row.followers.select_related("unit").order_by("unit__path"),
        "follow_form": follow_form or FollowForm(),
    }


def _holidays(row: PeriodCalendar) -> Any:
    return row.holidays.order_by("day")


def _with_weekday(value: date) -> str:
    return f"{weekday(value)} {day(value)}"


def _page(request: HttpRequest, row: PeriodCalendar, **said: Any) -> HttpResponse:
    status = 200 if request.method in {"GET", "HEAD"} else 422
    return page(request, CALENDAR, _context(row, **said), partial="calendar", status=status)


def _changed(request: HttpRequest, row: PeriodCalendar, fact: str, message: str) -> HttpResponse:
    to = reverse("configuration:calendar", args=[row.pk])
    return changed(request, CALENDAR, _context(row), partial="calendar", fact=fact, message=message, to=to)
