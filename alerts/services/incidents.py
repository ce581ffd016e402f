"""The stretch of trouble that crossings open, worsen and close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from django.db import connection, transaction

from alerts.models import AlertState, Incident
from kpiplatform.accounts.models import User
from kpis.almanac import Almanac
from kpis.bulk import as_array, as_arrays
from kpis.domain.bands import Band, severity
from kpis.domain.periods import Calendar, due_on, period_of
from kpis.services import notes

EXPLAIN_WITHIN = 3  # working days
CHANGE = """
UPDATE alerts_incident i
SET worst_band = c.worst, closed_at = c.closed, explanation_due_on = c.due, explanation_asked_at = c.asked
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::date[], %s::timestamptz[])
     AS c(id, worst, closed, due, asked)
WHERE i.id = c.id
"""
OPEN = "SELECT * FROM alerts_incident WHERE kpi_id = ANY(%s) AND closed_at IS NULL"


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


def follow_crossings(
    *,
    crossings: Sequence[Crossed],
    ids: Mapping[tuple[int, int], int],
    calendars: Mapping[int, int],
    almanac: Almanac,
    now: datetime,
) -> None:
    """Open, worsen and close incidents as the new crossings say, which come by KPI and in order.

    `ids` has the id of each crossing by KPI and number, `calendars` that of the calendar of each KPI.
    Trouble that began and ended before it was ever noted leaves no incident: there is nothing to acknowledge.
    """
    if not crossings:
        return
    by_kpi = {kpi_id: list(own) for kpi_id, own in groupby(crossings, key=lambda crossing: crossing.kpi_id)}
    present = {incident.kpi_id: incident for incident in Incident.objects.raw(OPEN, [as_array(by_kpi)])}
    due_in = _explain_by(almanac, now)
    due = {kpi_id: due_in[calendars[kpi_id]] for kpi_id in by_kpi}
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
    _open(opened, ids)


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
            cursor.execute(CHANGE, as_arrays(rows))


def _open(opened: Sequence[tuple[Crossed, Incident]], ids: Mapping[tuple[int, int], int]) -> None:
    for crossing, incident in opened:
        incident.opened_by_id = ids[crossing.kpi_id, crossing.seq]
    Incident.objects.bulk_create(incident for _, incident in opened)


def _explain_by(almanac: Almanac, now: datetime) -> dict[int, date]:
    """Return by which day trouble that begins now is to be explained, by calendar."""
    today = period_of(almanac.today(now), "day", Calendar())
    return {pk: due_on(today, EXPLAIN_WITHIN, working) for pk, working in almanac.working.items()}
