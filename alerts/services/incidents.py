"""The stretch of trouble that crossings open, worsen and close."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from alerts.models import AlertState, Incident
from kpiplatform.accounts.models import User
from kpis.almanac import Almanac
from kpis.bulk import as_array
from kpis.domain.periods import Calendar, due_on, period_of
from kpis.services import notes

EXPLAIN_WITHIN = 3  # working days

# What the crossings in `recorded` make of incidents: the first recovery closes the open one, which may grow worse till
# then; what stands after the last recovery opens a new one. Trouble that began and ended before it was ever noted
# leaves none: there is nothing to acknowledge. What was said of the milder trouble does not explain the worse: it is
# asked for anew. Where one closes and one opens, the new row waits for the old one: a KPI has one open incident.
FOLLOWED = """
turned AS (
    SELECT *, min(seq) FILTER (WHERE to_band = 'on_track') OVER kpi AS first_recovery,
           max(seq) FILTER (WHERE to_band = 'on_track') OVER kpi AS last_recovery
    FROM recorded WINDOW kpi AS (PARTITION BY kpi_id)
), course AS (
    SELECT t.*, d.due, i.open_id, i.open_band
    FROM (
        SELECT kpi_id, max(last_recovery) IS NOT NULL AS recovered,
               bool_or(to_band = 'off_track' AND seq < coalesce(first_recovery, seq + 1)) AS worsened,
               min(id) FILTER (WHERE seq > coalesce(last_recovery, 0)) AS opening,
               bool_or(to_band = 'off_track' AND seq > coalesce(last_recovery, 0)) AS is_off_track
        FROM turned GROUP BY kpi_id
    ) AS t
    CROSS JOIN LATERAL (SELECT calendar_id FROM kpis_kpi WHERE id = t.kpi_id OFFSET 0) AS k
    JOIN unnest(%(calendars)s::bigint[], %(due)s::date[]) AS d(calendar_id, due) ON d.calendar_id = k.calendar_id
    LEFT JOIN LATERAL (
        SELECT id AS open_id, worst_band AS open_band FROM alerts_incident
        WHERE kpi_id = t.kpi_id AND closed_at IS NULL OFFSET 0
    ) AS i ON true
), changed AS (
    UPDATE alerts_incident i
    SET closed_at = CASE WHEN c.recovered THEN %(now)s END,
        worst_band = CASE WHEN c.worsened THEN 'off_track' ELSE i.worst_band END,
        explanation_due_on = CASE WHEN c.worsened AND i.worst_band = 'at_risk' THEN c.due ELSE i.explanation_due_on END,
        explanation_asked_at = CASE WHEN c.worsened AND i.worst_band = 'at_risk' THEN %(now)s
                                    ELSE i.explanation_asked_at END
    FROM course c
    WHERE i.id = ANY(ARRAY(SELECT open_id FROM course)) AND i.id = c.open_id
      AND (c.recovered OR c.worsened AND c.open_band = 'at_risk')
    RETURNING i.kpi_id
), opened AS (
    INSERT INTO alerts_incident (kpi_id, opened_by_id, worst_band, opened_at, explanation_due_on, explanation_asked_at)
    SELECT c.kpi_id, c.opening, CASE WHEN c.is_off_track THEN 'off_track' ELSE 'at_risk' END, %(now)s, c.due, %(now)s
    FROM course c LEFT JOIN changed ON changed.kpi_id = c.kpi_id
    WHERE c.opening IS NOT NULL AND (c.open_id IS NULL OR c.recovered AND changed.kpi_id IS NOT NULL)
)"""


def explained_by(almanac: Almanac, now: datetime) -> dict[str, str | datetime]:
    """Return the parameters of FOLLOWED: by which day trouble that begins now is to be explained, by calendar."""
    today = period_of(almanac.today(now), "day", Calendar())
    due = [due_on(today, EXPLAIN_WITHIN, working) for working in almanac.working.values()]
    return {"calendars": as_array(almanac.working), "due": as_array(due), "now": now}


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
