"""The stretch of trouble that crossings open, worsen and close."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from django.db import connection, transaction

from alerts.models import AlertState, Incident
from alerts.queries import local_date, working_days
from kpiplatform.accounts.models import User
from kpis.domain.bands import Band, severity
from kpis.domain.periods import Calendar, WorkingDays, due_on, period_of
from kpis.models import Kpi
from kpis.services import notes

EXPLAIN_WITHIN = 3  # working days
CHANGE = """
UPDATE alerts_incident i
SET worst_band = c.worst, closed_at = c.closed, explanation_due_on = c.due, explanation_asked_at = c.asked
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::date[], %s::timestamptz[])
     AS c(id, worst, closed, due, asked)
WHERE i.id = c.id
"""
CROSSING_IDS = """
SELECT c.kpi_id, c.id
FROM unnest(%s::bigint[], %s::int[]) AS wanted(kpi_id, seq) JOIN alerts_bandcrossing c USING (kpi_id, seq)
"""


class Crossed(NamedTuple):
    """A crossing on its way into the database; the columns in their order."""

    kpi_id: int
    seq: int
    from_band: str
    to_band: str
    period_start: date
    period_end: date
    cause: str
    value: Decimal | None
    goal: Decimal | None
    red_flag: Decimal | None
    rule_version: int
    recorded_at: datetime


def follow_crossings(*, crossings: Sequence[Crossed], now: datetime) -> None:
    """Open, worsen and close incidents as the new crossings say, which come by KPI and in order.

    Trouble that began and ended before it was ever noted leaves no incident: there is nothing to acknowledge.
    """
    if not crossings:
        return
    by_kpi = {kpi_id: list(own) for kpi_id, own in groupby(crossings, key=lambda crossing: crossing.kpi_id)}
    present = {i.kpi_id: i for i in Incident.objects.filter(kpi_id__in=by_kpi, closed_at__isnull=True)}
    due = _explain_by(list(by_kpi), now)
    opened: list[tuple[Crossed, Incident]] = []
    changed: list[Incident] = []
    for kpi_id, own in by_kpi.items():
        incident, opening = present.get(kpi_id), own[0]
        for crossing in own:
            if crossing.to_band == Band.ON_TRACK:
                if incident is not None and incident.pk:
                    incident.closed_at = now
                    changed.append(incident)
                incident = None
            elif incident is None:
                opening = crossing
                incident = Incident(
                    kpi_id=kpi_id,
                    worst_band=crossing.to_band,
                    opened_at=now,
                    explanation_due_on=due[kpi_id],
                    explanation_asked_at=now,
                )
            elif severity(crossing.to_band) > severity(incident.worst_band):
                # What was said of the milder trouble does not explain the worse: it is asked for anew.
                incident.worst_band = crossing.to_band
                incident.explanation_due_on, incident.explanation_asked_at = due[kpi_id], now
        if incident is not None and incident.pk:
            changed.append(incident)
        elif incident is not None:
            opened.append((opening, incident))
    _change(changed)
    _open(opened)


def acknowledge(*, incident_id: int, user: User, now: datetime) -> Incident:
    """Note that `user` has seen the incident; whoever came first stays, and a closed one is left alone."""
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=incident_id)
        if incident.acknowledged_at is None and incident.closed_at is None:
            incident.acknowledged_by, incident.acknowledged_at = user, now
            incident.save(update_fields=["acknowledged_by", "acknowledged_at"])
    return incident


def period_to_explain(*, incident: Incident) -> date:
    """Return the period that an explanation of the incident is about: the latest judged one of its time."""
    through = AlertState.objects.filter(kpi=incident.kpi_id).values_list("folded_through", flat=True).first()
    began = incident.opened_by.period_start
    return began if through is None or incident.closed_at is not None else max(began, through)


def explain(
    *, incident_id: int, user: User, now: datetime, period_start: date, cause: str, action: str, recovery_on: date
) -> Incident:
    """Acknowledge the incident and store the explanation in the KPI's thread, both or neither; stored once."""
    with transaction.atomic():
        incident = acknowledge(incident_id=incident_id, user=user, now=now)
        notes.explain(
            kpi=incident.kpi,
            period_start=period_start,
            cause=cause,
            action=action,
            recovery_on=recovery_on,
            author=user,
            now=now,
        )
    return incident


def _change(changed: Sequence[Incident]) -> None:
    rows = [(i.pk, i.worst_band, i.closed_at, i.explanation_due_on, i.explanation_asked_at) for i in changed]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(CHANGE, [list(column) for column in zip(*rows, strict=True)])


def _open(opened: Sequence[tuple[Crossed, Incident]]) -> None:
    if not opened:
        return
    with connection.cursor() as cursor:
        cursor.execute(CROSSING_IDS, [[one.kpi_id for one, _ in opened], [one.seq for one, _ in opened]])
        ids = dict(cursor.fetchall())
    for crossing, incident in opened:
        incident.opened_by_id = ids[crossing.kpi_id]
    Incident.objects.bulk_create(incident for _, incident in opened)


def _explain_by(kpi_ids: list[int], now: datetime) -> dict[int, date]:
    today = period_of(local_date(now), "day", Calendar())
    calendars = working_days()
    return {
        kpi_id: due_on(today, EXPLAIN_WITHIN, calendars.get(calendar_id, WorkingDays()))
        for kpi_id, calendar_id in Kpi.objects.filter(pk__in=kpi_ids).values_list("pk", "calendar_id")
    }
