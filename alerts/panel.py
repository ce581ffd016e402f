"""The alerts of one KPI as its page says them: ready strings from what was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.queries import Alerts
from alerts.wording import Wording
from kpis.dates import day, short_day, short_label
from kpis.domain.periods import period_of
from kpis.models import Kpi
from kpis.queries import calendar_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The confirmed band with its shape, the story in one sentence, and what is open."""

    band: str
    story: str
    due: str
    pending: str
    undelivered: str
    acknowledge_url: str
    incident_url: str
    asks: bool
    code: str
    follows: bool


def kpi_panel(*, alerts: Alerts, kpi: Kpi, may_acknowledge: bool, now: datetime, zone: tzinfo) -> Panel:
    """Return the panel; `kpi` comes with its calendar. Only whoever may edit the KPI is offered to acknowledge."""
    incident, today = alerts.incident, now.astimezone(zone).date()
    waits = incident is not None and incident.acknowledged_at is None and may_acknowledge
    wording = Wording(locale="", zone=zone, today=today, now=now)
    due = wording.explanation(incident.explanation_due_on, is_explained=incident.is_explained) if incident else ""
    return Panel(
        band=alerts.band,
        story=_story(alerts, kpi, zone, today),
        due=due,
        pending=_("The latest value speaks for another band; it is not confirmed yet.") if alerts.pending else "",
        undelivered=ngettext(
            "%d mail about it could not be delivered.", "%d mails about it could not be delivered.", alerts.undelivered
        )
        % alerts.undelivered
        if alerts.undelivered
        else "",
        acknowledge_url=reverse("alerts:acknowledge", args=[incident.pk]) if incident and waits else "",
        incident_url=reverse("alerts:incident", args=[incident.pk]) if incident else "",
        asks=incident is not None and may_acknowledge and not incident.is_explained,
        code=kpi.code,
        follows=alerts.follows,
    )


def _story(alerts: Alerts, kpi: Kpi, zone: tzinfo, today: date) -> str:
    """Tell band, mail and acknowledgement: “At risk since W45, announced 16 Nov, acknowledged by Ana Kovač …”."""
    if not alerts.band or alerts.since is None:
        return _("No band is confirmed yet.")
    names = {"on_track": _("On track"), "at_risk": _("At risk"), "off_track": _("Off track")}
    since = short_label(period_of(alerts.since, kpi.frequency, calendar_of(kpi.calendar)))
    parts = [_("%(band)s since %(since)s") % {"band": names[alerts.band], "since": since}]
    announced = alerts.announced_at.astimezone(zone).date() if alerts.announced_at else None
    parts.append(_("announced %s") % _on(announced, today) if announced else _("noted without a mail"))
    incident = alerts.incident
    if incident is not None and incident.acknowledged_at is not None:
        acknowledged = incident.acknowledged_at.astimezone(zone).date()
        values = {"who": incident.acknowledged_by, "when": _on(acknowledged, today)}
        same_day = acknowledged == announced
        parts.append(
            (_("acknowledged by %(who)s the same day") if same_day else _("acknowledged by %(who)s on %(when)s"))
            % values
        )
    return ", ".join(parts) + "."


def _on(moment: date, today: date) -> str:
    return short_day(moment) if moment.year == today.year else day(moment)
