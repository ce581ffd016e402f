"""Who can open a KPI, and why: the same rule as `kpis_visible_to`, asked the other way round."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from kpis.models import Kpi
from objectives.queries import scope_of
from objectives.who_sees import Sees, people_with_roles, reasons_of_units, units_above


def who_sees_kpi(kpi: Kpi, *, today: date) -> list[Sees]:
    """Return everybody who can open the KPI, by name, with every reason; nobody for one that is retired."""
    if kpi.status == Kpi.Status.RETIRED:
        return []
    answerable = {kpi.owner_id: _("owner"), kpi.deputy_id: _("deputy"), kpi.steward_id: _("data steward")}
    found, units = [], units_above(kpi.unit)
    for person in people_with_roles():
        scope = scope_of(person, today=today)
        reasons = [answerable[person.pk]] if person.pk in answerable else []
        if scope.everything:
            reasons.append(_("admin: sees everything"))
        if scope.strategic and kpi.tier == Kpi.Tier.STRATEGIC:
            reasons.append(_("executive: sees every strategic KPI"))
        reasons += reasons_of_units(person, units, today=today)
        if reasons:
            found.append(Sees(person=person, reasons=tuple(reasons)))
    return found
