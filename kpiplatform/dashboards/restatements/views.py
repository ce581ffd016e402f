"""Values that changed after they were first reported: a page, and the same as a file."""

from __future__ import annotations

from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from kpiplatform.dashboards import sheet_file
from kpiplatform.dashboards.restatements.presenter import HEAD, lines_of, rows_of
from kpiplatform.dashboards.restatements.queries import SPAN, Chosen, Restated, restated
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import page
from kpis.domain.days import day_named
from kpis.models import Kpi
from kpis.queries import calendars
from objectives.queries import organisation

ON_A_PAGE, IN_A_FILE = 100, 10_000
SETTLED = "provisional"  # in the address


@require_safe
def restatements(request: HttpRequest) -> HttpResponse:
    """List what was restated in a span of days: old and new value, bands, who and why, and which pack showed it."""
    chosen, found = _found(request, ON_A_PAGE)
    refused = [text for name in ("from", "to") if (text := request.GET.get(name, "")) and day_named(text) is None]
    zone = timezone.get_current_timezone()
    rows = rows_of(found, calendars(), locale=request.user.locale, zone=zone)
    moved, is_all = sum(row.moved for row in rows), len(rows) == found.total
    query = {name: text for name, text in request.GET.items() if name != "after"}
    context = {
        "chosen": chosen,
        "refused": [_("“%(text)s” is not a date; it is left out.") % {"text": text[:20]} for text in refused],
        "rows": rows,
        "found": found,
        "lede": _lede(found.total, chosen),
        "moved": _moved(moved) if is_all else _moved_of(moved, len(rows)),
        "tiers": Kpi.Tier.choices,
        "more": f"?{urlencode(query | {'after': found.after})}" if found.after else "",
        "file_query": urlencode(query),
    }
    return page(request, "dashboards/restatements.html", context, partial="list")


@require_safe
def restatements_file(request: HttpRequest) -> HttpResponse:
    """Send the list as a file for spreadsheets."""
    chosen, found = _found(request, IN_A_FILE)
    text = sheet_file.as_csv(HEAD, lines_of(found, calendars()))
    name = f"{'provisional' if chosen.settled else 'restatements'}-{chosen.first}-{chosen.last}"
    note_taken(request, name=f"{name}.csv", rows=len(found.rows), kpi=found.kpi)
    return sheet_file.csv_response(text, name=name)


def _lede(count: int, chosen: Chosen) -> str:
    if chosen.settled:
        words = ngettext("%(n)d provisional value became another", "%(n)d provisional values became others", count)
    else:
        words = ngettext("%(n)d value was restated", "%(n)d values were restated", count)
    return words % {"n": count}


def _moved(count: int) -> str:
    if not count:
        return _("none of them changed band")
    return ngettext("%(n)d of them changed band", "%(n)d of them changed band", count) % {"n": count}


def _moved_of(count: int, shown: int) -> str:
    words = ngettext("%(n)d of the %(shown)d below changed band", "%(n)d of the %(shown)d below changed band", count)
    return words % {"n": count, "shown": shown}


def _found(request: HttpRequest, limit: int) -> tuple[Chosen, Restated]:
    now, zone = timezone.now(), ZoneInfo(organisation().time_zone)
    today = now.astimezone(zone).date()
    asked = request.GET
    last = day_named(asked.get("to", "")) or today
    first, last = sorted((day_named(asked.get("from", "")) or last - SPAN, last))
    tier = asked.get("tier", "")
    chosen = Chosen(
        first=first,
        last=last,
        unit=asked.get("unit", "")[:40].replace("\0", ""),
        tier=tier if tier in Kpi.Tier.values else "",
        settled=asked.get("kind", "") == SETTLED,
        kpi=asked.get("kpi", "")[:40].replace("\0", ""),
        after=asked.get("after", ""),
    )
    return chosen, restated(request.user, chosen, zone=zone, now=now, limit=limit)
