"""Values that changed after they were first reported: a page, and the same as a file."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from kpiplatform.dashboards import sheet_file
from kpiplatform.dashboards.restatements.presenter import HEAD, lines_of, rows_of
from kpiplatform.dashboards.restatements.queries import SPAN, Chosen, Restated, restated
from kpiplatform.htmx import page
from kpis.models import Kpi
from kpis.queries import calendars
from objectives.queries import organisation

ON_A_PAGE, IN_A_FILE = 200, 10_000


@require_safe
def restatements(request: HttpRequest) -> HttpResponse:
    """List what was restated in a span of days: old and new value, bands, who and why, and which pack showed it."""
    chosen, found = _found(request, ON_A_PAGE)
    zone = timezone.get_current_timezone()
    rows = rows_of(found, calendars(), locale=request.user.locale, zone=zone)
    moved = sum(row.moved for row in rows)
    context = {
        "chosen": chosen,
        "rows": rows,
        "found": found,
        "lede": ngettext("%(n)d value was restated", "%(n)d values were restated", len(rows)) % {"n": len(rows)},
        "moved": _moved(moved),
        "tiers": Kpi.Tier.choices,
        "limit": ON_A_PAGE,
        "file_query": request.GET.urlencode(),
    }
    return page(request, "dashboards/restatements.html", context, partial="list")


@require_safe
def restatements_file(request: HttpRequest) -> HttpResponse:
    """Send the list as a file for spreadsheets."""
    chosen, found = _found(request, IN_A_FILE)
    text = sheet_file.as_csv(HEAD, lines_of(found, calendars()))
    return sheet_file.csv_response(text, name=f"restatements-{chosen.first}-{chosen.last}")


def _moved(count: int) -> str:
    if not count:
        return _("none of them changed band")
    return ngettext("%(n)d of them changed band", "%(n)d of them changed band", count) % {"n": count}


def _found(request: HttpRequest, limit: int) -> tuple[Chosen, Restated]:
    zone = ZoneInfo(organisation().time_zone)
    today = timezone.now().astimezone(zone).date()
    asked = request.GET
    last = _day(asked.get("to", "")) or today
    first = _day(asked.get("from", "")) or last - SPAN
    tier = asked.get("tier", "")
    chosen = Chosen(
        first=min(first, last),
        last=last,
        unit=asked.get("unit", "")[:40].replace("\0", ""),
        tier=tier if tier in Kpi.Tier.values else "",
        kpi=asked.get("kpi", "")[:40].replace("\0", ""),
    )
    return chosen, restated(request.user, chosen, zone=zone, today=timezone.localdate(), limit=limit)


def _day(text: str) -> date | None:
    try:
        meant = date.fromisoformat(text)
    except ValueError:
        return None
    return meant if 2000 <= meant.year < 9000 else None
