"""The executive scorecard."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.as_known import beginning
from kpiplatform.dashboards.scorecard.cells import table_of
from kpiplatform.dashboards.scorecard.parts import give_grades, part_of
from kpiplatform.dashboards.scorecard.queries import Board, active_kpis_visible_to, board, sees_strategy, tiers_of
from kpiplatform.dashboards.scorecard.rows import Rows, grouped
from kpiplatform.dashboards.scorecard.selection import TIERS, Selection, selection_from
from kpiplatform.dashboards.scorecard.story import moved_of, story_of
from kpiplatform.htmx import page
from kpis.as_known import last_recorded
from kpis.dates import moment
from kpis.domain.periods import Calendar
from kpis.objectives_as_known import objectives_as_known
from kpis.queries import calendars
from objectives.models import Unit
from objectives.queries import organisation, scope_of

EXECUTIVE_LIMIT = 10


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead people to the page they open most: the scorecard, their unit or their own KPIs; first of all to set up."""
    today = timezone.localdate()
    scope = scope_of(request.user, today=today)
    if scope.everything and not Unit.objects.exists():
        return HttpResponseRedirect(reverse("setup"))
    if not scope.unit_paths and not scope.everything and not scope.strategic:
        return HttpResponseRedirect(reverse("my:kpis"))
    sees_all = scope.everything or scope.strategic
    tiers = {} if sees_all else tiers_of(active_kpis_visible_to(request.user, today=today))
    return HttpResponseRedirect(reverse("scorecard" if sees_strategy(request.user, tiers, today=today) else "units"))


@require_safe
def scorecard(request: HttpRequest) -> HttpResponse:
    """Show the KPIs under their objectives and perspectives, and what changed since the last review."""
    now, by_calendar = timezone.now(), calendars()
    standard = next(iter(by_calendar.values()), Calendar())
    zone, today = ZoneInfo(organisation().time_zone), timezone.localdate()
    visible = active_kpis_visible_to(request.user, today=today)
    tiers = tiers_of(visible)
    usual = "strategic" if sees_strategy(request.user, tiers, today=today) else "operational"
    chosen = selection_from(request.GET, now=now, zone=zone, calendar=standard, usual_tier=usual)
    if chosen.today != today or chosen.known_at is not None:
        visible = active_kpis_visible_to(request.user, today=chosen.today, known_at=chosen.known_at)
        tiers = tiers_of(visible)
    return page(
        request,
        "dashboards/scorecard.html",
        _context(request.user, chosen, by_calendar, board(request.user, chosen, visible=visible, tiers=tiers, now=now)),
        partial="board",
    )


def _context(user: Any, chosen: Selection, by_calendar: dict[int, Calendar], read: Board) -> dict[str, Any]:
    maker = Rows(
        read,
        locale=user.locale,
        today=chosen.today,
        zone=chosen.zone,
        shown_from=chosen.shown_week.start,
        calendars=by_calendar,
        known=chosen.known,
    )
    rows = [maker.row_of(kpi) for kpi in read.kpis]
    if chosen.band and not chosen.is_now:
        wanted = "" if chosen.band == "none" else chosen.band
        rows = [row for row in rows if row.standing.band == wanted]
    rolled = None
    if not chosen.is_now:
        objectives = {kpi.objective_id for kpi in read.kpis}
        on = chosen.week.last_day if chosen.week else chosen.known_on
        asked = {"before": chosen.reads_to, "known_at": chosen.known_at, "on": on}
        rolled = objectives_as_known(objective_ids=objectives, **asked)
    part, moved = part_of(rows, after=chosen.after), moved_of(rows)
    give_grades([*part.rows, *moved.named], today=chosen.known_or_today, known_at=chosen.known_at)
    perspectives = grouped(part.rows, read, rolled, locale=user.locale, known=chosen.known)
    ids = [kpi.pk for kpi in read.kpis]
    if chosen.known_at is None:
        recorded = max((kpi.recorded_at for kpi in read.kpis if kpi.recorded_at), default=None)
    else:
        recorded = last_recorded(kpi_ids=ids, known_at=chosen.known_at)
    return {
        "chosen": chosen,
        "board": read,
        "rows": rows,
        "story": story_of(rows, moved, read, calendars=by_calendar, locale=user.locale),
        "perspectives": perspectives,
        "table": table_of(perspectives),
        "more": chosen.at(after=part.after) if part.after else "",
        "top": "" if part.is_first else chosen.at(),
        "is_filtered": chosen.is_filtered,
        "tiers": [
            {"tier": tier, "count": read.tiers.get(tier, 0), "at": chosen.at(tier=tier, unit="", theme="", owner="")}
            for tier in TIERS
            if read.tiers.get(tier) or tier == chosen.tier
        ],
        "limit": EXECUTIVE_LIMIT if chosen.tier == "strategic" and len(rows) > EXECUTIVE_LIMIT else 0,
        "known": moment(recorded, timezone.get_current_timezone()) if recorded else "",
        "begins": beginning(kpi_ids=ids, known=chosen.known, kept=chosen.query),
        "cleared": chosen.at(unit="", theme="", owner="", band=""),
    }
