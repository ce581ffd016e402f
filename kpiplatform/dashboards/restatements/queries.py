"""Reading the restatements that a person may see: a constant number of queries, whatever the number of rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from kpiplatform.accounts.models import User
from kpiplatform.paging import slice_of
from kpis.models import Kpi, PeriodReopening
from kpis.queries import kpis_visible_to
from kpis.restatements import Bands, bands_of, grades_of_changes, restatements, settled
from objectives.models import Unit
from objectives.queries import units_visible_to
from reviews.queries import reviews_visible_to

SPAN = timedelta(days=90)
DAY = timedelta(days=1)

# The latest pack that showed a value while it stood, among the reviews that the reader may open.
SHOWN_IN = """
SELECT asked.id, shown.review_id, shown.held_on, shown.name
FROM unnest(%(ids)s::bigint[], %(codes)s::text[], %(starts)s::text[], %(since)s::timestamptz[],
    %(until)s::timestamptz[]) AS asked(id, code, start, since, until)
CROSS JOIN LATERAL (
    SELECT p.review_id, r.held_on, f.name FROM reviews_pack p
    JOIN reviews_review r ON r.id = p.review_id JOIN reviews_forum f ON f.id = r.forum_id
    WHERE p.review_id = ANY(%(reviews)s) AND p.frozen_at >= asked.since AND p.frozen_at < asked.until
      AND p.content -> 'kpis' @> jsonb_build_array(
          jsonb_build_object('code', asked.code, 'period_start', asked.start))
    ORDER BY p.frozen_at DESC LIMIT 1
) AS shown
"""


class Shown(NamedTuple):
    """The review whose pack showed a value before it was restated."""

    review_id: int
    held_on: date
    forum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What of the list is asked for: values restated from `first` to `last`, below the restatement `after`.

    `settled` asks for provisional values that changed after their period was over instead.
    """

    first: date
    last: date
    unit: str = ""
    tier: str = ""
    kpi: str = ""
    settled: bool = False
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """Some restatements, and by the id of each its bands, grades, the pack that showed the old value, and reopening.

    `total` counts all that were asked for; the next ones come below the restatement `after`, "" at the end.
    """

    rows: Sequence[Any]
    total: int
    after: str
    bands: Mapping[int, Bands]
    grades: Mapping[int, Bands]
    packs: Mapping[int, Shown]
    reopened: Mapping[int, PeriodReopening]
    units: Sequence[Unit]
    kpi: Kpi | None


def restated(user: User, chosen: Chosen, *, zone: ZoneInfo, now: datetime, limit: int) -> Restated:
    """Return `limit` restatements that `user` may see, the latest first."""
    today = timezone.localdate(now)
    visible = kpis_visible_to(user, today=today)
    kpis = visible
    if chosen.unit:
        kpis = kpis.filter(unit__path__contains=f"/{chosen.unit}/")
    if chosen.tier:
        kpis = kpis.filter(tier=chosen.tier)
    if chosen.kpi:
        kpis = kpis.filter(code=chosen.kpi)
    since, until = (datetime.combine(day, time.min, zone) for day in (chosen.first, chosen.last + DAY))
    changes = (settled if chosen.settled else restatements)(zone=zone, since=since, until=until)
    found = changes.filter(kpi__in=kpis)
    part = slice_of(
        found.select_related("kpi__unit", "recorded_by", "pull__source"),
        order=("-recorded_at", "-pk"),
        after=chosen.after,
        size=limit,
    )
    shown = part.rows
    return Restated(
        rows=shown,
        total=found.count() if part.after or chosen.after else len(shown),
        after=part.after,
        bands=bands_of(shown),
        grades=grades_of_changes(shown, now=now, zone=zone),
        packs=_packs(user, shown, today=today),
        reopened=_reopened(shown),
        units=list(units_visible_to(user, today=today).order_by("path")),
        kpi=visible.filter(code=chosen.kpi).first() if chosen.kpi else None,
    )


def _packs(user: User, rows: Sequence[Any], *, today: date) -> dict[int, Shown]:
    if not rows:
        return {}
    reviews = reviews_visible_to(user, today=today).filter(pack__isnull=False)
    parameters = {
        "ids": [row.pk for row in rows],
        "codes": [row.kpi.code for row in rows],
        "starts": [row.period_start.isoformat() for row in rows],
        "since": [row.was_at for row in rows],
        "until": [row.recorded_at for row in rows],
        "reviews": list(reviews.values_list("pk", flat=True)),
    }
    with connection.cursor() as cursor:
        cursor.execute(SHOWN_IN, parameters)
        return {pk: Shown(*shown) for pk, *shown in cursor.fetchall()}


def _reopened(rows: Sequence[Any]) -> dict[int, PeriodReopening]:
    """Return the reopening under which a restatement was written, by the restatement's id."""
    approved = PeriodReopening.objects.filter(
        kpi_id__in={row.kpi_id for row in rows},
        period_start__in={row.period_start for row in rows},
        approved_by__isnull=False,
    )
    by_period: dict[tuple[int, date], list[Any]] = defaultdict(list)
    for one in approved.select_related("requested_by", "approved_by"):
        by_period[one.kpi_id, one.period_start].append(one)
    return {
        row.pk: one
        for row in rows
        for one in by_period[row.kpi_id, row.period_start]
        if one.decided_at <= row.recorded_at < one.expires_at
    }
