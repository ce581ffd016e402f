"""What became of the values of a pack after it was frozen: the pack stays as it was, its readers are told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from kpis.dates import moment, short_label
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import period_of
from kpis.models import Kpi
from kpis.queries import calendar_of, kpis_visible_to
from kpis.restatements import grades_of_changes, restatements
from kpis.revision_words import who_revised
from reviews.rows import Viewer


def restated_after(
    content: Mapping[str, Any], *, frozen_at: datetime, viewer: Viewer, now: datetime, code: str = ""
) -> list[dict[str, str]]:
    """Return the restatements of values that the pack shows, oldest first, of KPIs that the reader may open.

    With `code` those of one KPI. Four queries at most.
    """
    shown = {row["code"]: row["period_start"] for row in content["kpis"] if row["period_start"]}
    codes = [one for one in shown if code in ("", one)]
    visible = kpis_visible_to(viewer.user, today=viewer.today).filter(code__in=codes)
    found = restatements(zone=viewer.organisation_zone, since=frozen_at).filter(
        kpi__in=visible, period_start__in=set(shown.values())
    )
    rows: list[Any] = [
        row
        for row in found.select_related("kpi__calendar", "recorded_by", "pull__source").order_by("recorded_at", "pk")
        if row.period_start == date.fromisoformat(shown[row.kpi.code])
    ]
    grades = grades_of_changes(rows, now=now, zone=viewer.organisation_zone) if rows else {}
    return [_told(row, grades[row.pk], viewer) for row in rows]


def _told(row: Any, grades: tuple[str, str], viewer: Viewer) -> dict[str, str]:
    kpi: Kpi = row.kpi
    was, now = (number(value, kpi.decimals, locale=viewer.user.locale) for value in (row.was, row.value))
    return {
        "name": kpi.name,
        "period": short_label(period_of(row.period_start, kpi.frequency, calendar_of(kpi.calendar))),
        "was": was,
        "was_grade": grades[0],
        "now": with_unit(now, kpi.measure_unit),
        "now_grade": grades[1],
        "by": who_revised(row),
        "note": row.note,
        "at": moment(row.recorded_at, timezone.get_current_timezone()),
    }
