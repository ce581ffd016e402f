"""All that the template of a unit's page prints, in words and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from initiatives.domain.progress import end_slipped, furthest_behind
from kpiplatform.dashboards.as_known import DAY, PARAMETER, AsKnown, beginning
from kpiplatform.dashboards.objective_page.links import days
from kpiplatform.dashboards.scorecard.cells import table_of
from kpiplatform.dashboards.scorecard.parts import NAMED_AT_ONCE, give_grades, part_of
from kpiplatform.dashboards.scorecard.queries import Line
from kpiplatform.dashboards.scorecard.rows import ObjectiveGroup, PerspectiveGroup, Row, Rows
from kpiplatform.dashboards.scorecard.selection import last_week_before
from kpiplatform.dashboards.scorecard.story import moved_of, story_of
from kpiplatform.dashboards.units.queries import LATE, Below, Facts
from kpis.dates import day, short_day, short_label
from kpis.domain.bands import severity
from kpis.domain.bullet import bullet
from kpis.domain.periods import Calendar


def unit_page(
    facts: Facts, *, after: str = "", today: date, zone: ZoneInfo, calendars: Mapping[int, Calendar], locale: str
) -> dict[str, Any]:
    """Return the context of the page as it stands on `today`, its table from below the KPI `after`."""
    standard = next(iter(calendars.values()), Calendar())
    week = last_week_before(facts.known.on + DAY if facts.known.on else today, standard)
    shared = {"locale": locale, "today": today, "zone": zone, "calendars": calendars}
    maker = Rows(facts.board, **shared, shown_from=week.start, known=facts.known)
    rows = [maker.row_of(kpi) for kpi in facts.board.kpis]
    part, moved = part_of(_worst_first(rows), after=after), moved_of(rows)
    give_grades([*part.rows, *moved.named], today=today, known_at=facts.known.at)
    late = sorted((kpi for kpi in facts.board.kpis if kpi.health in LATE), key=_longest_late)
    kept = {"tier": facts.tier} if facts.tier else {}
    here = kept | ({PARAMETER: str(facts.known.on)} if facts.known.on else {})
    slipping = [found for row in facts.initiatives if (found := _slipping(row, today))]
    return {
        "unit": facts.unit,
        "above": facts.above,
        "below": [_below(row, facts.known) for row in facts.below],
        "story": story_of(rows, moved, facts.board, calendars=calendars, locale=locale),
        "table": table_of(_by_unit(part.rows)),
        "more": f"?{urlencode({**here, 'after': part.after})}" if part.after else "",
        "top": "" if part.is_first else f"?{urlencode(here)}",
        "rows": rows,
        "week_label": short_label(week),
        "tiers": _tiers(facts),
        "late": [_late(kpi) for kpi in late[:NAMED_AT_ONCE]],
        "late_beyond": max(0, len(late) - NAMED_AT_ONCE),
        "slipping": sorted(slipping, key=lambda row: -row["count"]),
        "decisions": [_decision(row, today) for row in facts.decisions],
        "hidden": facts.hidden,
        "known": facts.known,
        "now_url": f"?{urlencode(kept)}",
        "kept": kept,
        "begins": beginning(kpi_ids=[kpi.pk for kpi in facts.board.kpis], known=facts.known, kept=kept),
        "day": today,
    }


def _tiers(facts: Facts) -> list[dict[str, Any]]:
    if len(facts.tiers) < 2:
        return []
    names = {"": _("All"), "strategic": _("Strategic"), "operational": _("Operational")}
    counts = {"": sum(facts.tiers.values()), **facts.tiers}
    return [
        {"name": name, "count": counts[tier], "url": _tier_url(tier, facts.known), "current": tier == facts.tier}
        for tier, name in names.items()
    ]


def _tier_url(tier: str, known: AsKnown) -> str:
    query = {"tier": tier, PARAMETER: str(known.on or "")}
    return "?" + urlencode({name: value for name, value in query.items() if value})


def _worst_first(rows: Sequence[Row]) -> list[Row]:
    """Return the rows by unit, in the order of the tree; inside, what is worst comes first."""
    return sorted(rows, key=lambda row: (row.kpi.unit_path, -severity(row.standing.band), row.standing.score or 0))


def _by_unit(rows: Sequence[Row]) -> list[PerspectiveGroup]:
    """Group ordered rows by unit."""
    groups = []
    for _path, own in groupby(rows, key=lambda row: row.kpi.unit_path):
        of_unit = list(own)
        group = ObjectiveGroup(
            name="", url="", owner="", band="", bullet=bullet(None), score="", terms="", rows=of_unit
        )
        groups.append(PerspectiveGroup(name=of_unit[0].kpi.unit_name, objectives=[group]))
    return groups


def _below(row: Below, known: AsKnown) -> dict[str, Any]:
    total = sum(row.bands.values())
    return {
        "name": row.unit.name,
        "url": reverse("unit", args=[row.unit.code]) + known.query,
        "bands": [{"band": band, "count": row.bands[band]} for band in ("on_track", "at_risk", "off_track", "")],
        "late": ngettext("%(count)d late", "%(count)d late", row.late) % {"count": row.late} if row.late else "",
        "total": ngettext("%(count)d KPI", "%(count)d KPIs", total) % {"count": total} if total else "",
    }


def _longest_late(kpi: Line) -> tuple[int, str]:
    return (-(kpi.days_late or 0), kpi.name)


def _late(kpi: Line) -> dict[str, str]:
    """Say by how many days a value is late; a failing source has its own words."""
    return {
        "url": reverse("kpi", args=[kpi.code]),
        "name": kpi.name,
        "who": kpi.owner_name,
        "days": days(kpi.days_late) if kpi.days_late else _("source failing"),
    }


def _slipping(row: Any, today: date) -> dict[str, Any] | None:
    """Say which milestone is furthest behind its first date, or that the end moved; None for what is in time."""
    late = furthest_behind(row.open_steps, today)
    moved = end_slipped(first_end=row.planned_end, end=row.ends_on, today=today, is_open=True)
    if late is None and not moved:
        return None
    texts = []
    if late:
        step, count = late
        facts = {"step": step.name, "days": days(count), "day": short_day(step.planned_on)}
        texts.append(_("%(step)s is %(days)s behind its first date, %(day)s.") % facts)
    if moved:
        texts.append(_("Its end moved by %(days)s to %(day)s.") % {"days": days(moved), "day": day(row.ends_on)})
    who = (late[0].owner or row.owner).name if late else row.owner.name
    return {
        "url": reverse("initiatives:initiative", args=[row.code]),
        "name": row.name,
        "text": " ".join(texts),
        "who": who,
        "count": max(late[1] if late else 0, moved),
    }


def _decision(row: Any, today: date) -> dict[str, Any]:
    overdue = (today - row.due_on).days
    return {
        "url": reverse("reviews:decision", args=[row.pk]),
        "name": row.title,
        "when": short_day(row.due_on),
        "text": row.detail,
        "who": f"{row.owner.name} · {row.forum.name}",
        "late": _("%(days)s overdue") % {"days": days(overdue)} if overdue > 0 else "",
    }
