"""Whether a pull would overturn values that stand: looked at before it counts, and decided by a person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import connection

from kpis.domain.sentences import Sentence
from kpis.domain.upheaval import (
    AT_LEAST,
    LOOKED_AT,
    TIMES,
    Overturned,
    is_another_magnitude,
    why_another_unit,
    why_less,
    why_unlike,
    why_upheaval,
)
from kpis.models import Kpi, KpiState, Measurement, Pull
from kpis.readings import REPORTED, Reading

type Key = tuple[int, date]

# The revisions that a pull made of values that stood are few, and have an index of their own.
_OVERTURNED = """
    SELECT r.kpi_id, k.name, count(*) FILTER (WHERE r.value = 0),
        count(*) FILTER (WHERE r.value <> 0 AND greatest(abs(r.value), abs(b.value))
            >= %(times)s * least(abs(r.value), abs(b.value)))
    FROM kpis_measurementrevision r
    JOIN kpis_measurementrevision b
        ON b.kpi_id = r.kpi_id AND b.period_start = r.period_start AND b.seq = r.seq - 1
    JOIN kpis_kpi k ON k.id = r.kpi_id
    WHERE r.seq > 1 AND r.recorded_at = %(now)s AND r.pull_id = %(pull)s
        AND b.state = 'reported' AND b.value <> 0
    GROUP BY r.kpi_id, k.name ORDER BY k.name
"""
# Values that came of a part already may come of a larger one.
_LESS = """
    SELECT count(*) FROM kpis_measurementrevision r
    JOIN kpis_measurementrevision b
        ON b.kpi_id = r.kpi_id AND b.period_start = r.period_start AND b.seq = r.seq - 1
    LEFT JOIN kpis_pull p ON p.id = b.pull_id
    WHERE r.seq > 1 AND r.recorded_at = %(now)s AND r.pull_id = %(pull)s AND b.state = 'reported'
        AND {cut}
"""
_ENDS = """r.period_start <= %(day)s AND r.period_end - 1 > %(day)s
    AND NOT coalesce(p.ends_on >= r.period_start AND p.ends_on <= %(day)s, false)"""
_BEGINS = """r.period_start < %(day)s AND r.period_end > %(day)s
    AND NOT coalesce(p.begins_on < r.period_end AND p.begins_on >= %(day)s, false)"""


class Upheaval(Exception):
    """Many values that stood would be others by a magnitude, gone or of a part; nothing was written."""

    def __init__(self, why: Sequence[Sentence]) -> None:
        super().__init__(*why)
        self.why = list(why)


def leaps(readings: Sequence[Reading]) -> Sentence | None:
    """Return that many KPIs would leap from their latest closed value to the one after it.

    Where there are values of one or two KPIs only, that the newest of one would be unlike all of those before them, and
    unlike what stands. The readings of each KPI are in the order of their periods.
    """
    newest = {one.kpi_id: (one.period_start, one.value) for one in readings if one.state == REPORTED and one.value}
    last = KpiState.objects.filter(pk__in=newest, value__isnull=False).exclude(value=0)
    found = [
        (pk, name, start, value, new)
        for pk, name, start, value in last.values_list("pk", "kpi__name", "period_start", "value").order_by("pk")
        for newest_start, new in [newest[pk]]
        if start is not None and new is not None and newest_start >= start
    ]
    if len(newest) >= AT_LEAST:
        return why_another_unit([(name, old, new) for pk, name, start, old, new in found if newest[pk][0] > start])
    unlike = (
        why_unlike(name, _values_before(pk, min(one.period_start for one in readings if one.kpi_id == pk)), new)
        for pk, name, _start, old, new in found
        if is_another_magnitude(old, new)
    )
    return next(filter(None, unlike), None)


def doubts(readings: Sequence[Reading], standing: Mapping[Key, Measurement]) -> list[Sentence]:
    """Return what somebody should look at before values count that are not recorded yet; `standing` are those there."""
    in_order = sorted(readings, key=attrgetter("period_start"))
    leap = leaps(in_order)
    hit: dict[int, Counter[str]] = defaultdict(Counter)
    for one in in_order:
        before = standing.get((one.kpi_id, one.period_start))
        if before is None or before.state != REPORTED or not before.value or one.value is None:
            continue
        if one.value == 0:
            hit[one.kpi_id]["emptied"] += 1
        elif is_another_magnitude(before.value, one.value):
            hit[one.kpi_id]["scaled"] += 1
    names = dict(Kpi.objects.filter(pk__in=hit).values_list("pk", "name")) if hit else {}
    found = [
        Overturned(kpi_id=pk, name=names[pk], emptied=of["emptied"], scaled=of["scaled"]) for pk, of in hit.items()
    ]
    brought = Counter(one.kpi_id for one in in_order if one.state == REPORTED)
    return [*([leap] if leap else []), *why_upheaval(found, brought)]


def _values_before(kpi_id: int, day: date) -> list[Decimal]:
    closed = Measurement.objects.filter(kpi_id=kpi_id, state=REPORTED, value__isnull=False, period_start__lt=day)
    return list(closed.order_by("-period_start").values_list("value", flat=True)[:LOOKED_AT])


def refuse_upheaval(
    *, pull: Pull, readings: Sequence[Reading], begins_on: date | None, ends_on: date | None, now: datetime
) -> None:
    """Look at what the pull has just recorded in this transaction; raise Upheaval to take it back."""
    if not pull.values_revised:
        return
    said: list[Sentence] = []
    asked: dict[str, Any] = {"now": now, "pull": pull.pk}
    with connection.cursor() as cursor:
        cursor.execute(_OVERTURNED, asked | {"times": TIMES})
        found = [Overturned(kpi_id=pk, name=name, emptied=e, scaled=s) for pk, name, e, s in cursor.fetchall()]
        if any(one.emptied or one.scaled for one in found):
            brought = Counter(reading.kpi_id for reading in readings if reading.state == REPORTED)
            said += why_upheaval(found, brought)
        for day, cut in ((begins_on, _BEGINS), (ends_on, _ENDS)):
            if day is not None:
                cursor.execute(_LESS.format(cut=cut), asked | {"day": day})
                (count,) = cursor.fetchone()
                said += [why_less(day, count=count, ends=day is ends_on)] if count else []
    if said:
        raise Upheaval(said)
