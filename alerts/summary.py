"""What the head and the rail of an incident's page say: the state, since when, who acts. Ready strings."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from alerts.models import Incident
from alerts.queries import IncidentRead
from alerts.wording import Wording
from kpis.grades import grades_of
from kpis.templatetags.kpi_figures import band_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The incident in a sentence, and as labelled facts."""

    band: str
    lede: str
    explanation: str
    is_late: bool
    facts: list[dict[str, str]]


def summary(incident: IncidentRead, wording: Wording) -> Summary:
    """Return what stands around the story."""
    kpi, crossing, closed = incident.kpi, incident.opened_by, incident.closed_at
    state = getattr(kpi, "state", None)
    band = incident.worst_band if closed else kpi.alert_state.confirmed_band
    since = wording.period(kpi, crossing.period_start)
    if closed:
        words = {"band": band_name(band), "period": since, "day": wording.date_of(closed)}
        lede = _("%(band)s at worst, from %(period)s on; back on track, noted on %(day)s.") % words
    else:
        lede = _("%(band)s since %(period)s.") % {"band": band_name(band), "period": since}
    due = incident.explanation_due_on
    facts = [
        {"label": _("When it began"), "value": _against(incident, wording)},
        {"label": _("Now"), "value": wording.against(kpi, state.value, state.goal) if state else "–"},
        {"label": _("Opened"), "value": wording.moment(incident.opened_at)},
        {"label": _("Acts"), "value": kpi.owner.name},
    ]
    latest = {kpi.pk: state.period_start if state else None}
    if grade := grades_of(latest, today=wording.today).get(kpi.pk):
        facts.insert(2, {"label": _("Data confidence"), "value": grade})
    if kpi.deputy is not None:
        facts.append({"label": _("Deputy"), "value": kpi.deputy.name})
    return Summary(
        band=band,
        lede=lede,
        explanation="" if closed else wording.explanation(due, is_explained=incident.is_explained),
        is_late=not closed and not incident.is_explained and due is not None and due < wording.today,
        facts=facts,
    )


def _against(incident: Incident, wording: Wording) -> str:
    kpi, crossing = incident.kpi, incident.opened_by
    return wording.against(kpi, crossing.value, crossing.goal)
