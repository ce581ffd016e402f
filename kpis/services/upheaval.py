"""Whether a pull would overturn values that stand: looked at before it counts, and decided by a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from kpis.domain.sentences import Sentence
from kpis.domain.upheaval import TIMES, Overturned, why_another_unit, why_less, why_upheaval
from kpis.models import KpiState, Pull
from kpis.readings import REPORTED, Reading

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
    """Return that many KPIs would leap from their latest closed value to the one after it."""
    newest = {one.kpi_id: (one.period_start, one.value) for one in readings if one.state == REPORTED and one.value}
    last = KpiState.objects.filter(pk__in=newest, value__isnull=False).exclude(value=0)
    pairs = [
        (name, value, newest[pk][1])
        for pk, name, start, value in last.values_list("pk", "kpi__name", "period_start", "value").order_by("pk")
        if start is not None and newest[pk][0] > start
    ]
    return why_another_unit(pairs)


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
