"""What a person is told of, and what else they could follow. Ready strings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from alerts.models import Subscription
from alerts.queries import subscriptions_of
from kpiplatform.accounts.models import User
from kpis.queries import kpis_visible_to
from objectives.queries import may_configure, may_write, objectives_visible_to, units_visible_to

FOUND = 8  # of each kind
TOLD = ("every", "worst", "nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One subscription."""

    pk: int
    kind: str
    name: str
    aside: str
    url: str
    what: str
    as_owner: bool
    change_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A KPI, objective or unit that could be followed; `field` and `code` name it in the form."""

    kind: str
    name: str
    aside: str
    field: str
    code: str
    follows: bool


def following_page(*, user: User, today: date, asked: str) -> dict[str, Any]:
    """Return the context of the page; `asked` is what the person looks for."""
    rows = list(subscriptions_of(user, today=today))
    asked = asked.strip()
    return {
        "as_owner": [line_of(row) for row in rows if row.as_owner],
        "followed": [line_of(row) for row in rows if not row.as_owner],
        "asked": asked,
        "found": _found(user, today, asked, rows) if asked else [],
        "may_write": may_write(user, today=today),
        "may_configure": may_configure(user, today=today),
    }


def line_of(row: Subscription) -> Line:
    """Return one subscription as the page prints it."""
    name, kind, aside, url = str(row.objective or row.unit), _("Unit and below"), "", ""
    if row.kpi is not None:
        name, kind, aside = row.kpi.name, _("KPI"), row.kpi.unit.name
        url = reverse("kpi", args=[row.kpi.code])
    elif row.objective is not None:
        kind = _("Objective")
    return Line(
        pk=row.pk,
        kind=kind,
        name=name,
        aside=aside,
        url=url,
        what="nothing" if not row.is_active else "worst" if row.worst_only else "every",
        as_owner=row.as_owner,
        change_url=reverse("alerts:subscription", args=[row.pk]),
    )


def _found(user: User, today: date, asked: str, rows: list[Subscription]) -> list[Candidate]:
    kpis = {row.kpi_id for row in rows if row.is_active}
    objectives = {row.objective_id for row in rows if row.is_active}
    units = {row.unit_id for row in rows if row.is_active}
    named = Q(name__icontains=asked) | Q(code__iexact=asked)
    found = [
        Candidate(kind=_("KPI"), name=kpi.name, aside=kpi.unit.name, field="kpi", code=kpi.code, follows=kpi.pk in kpis)
        for kpi in kpis_visible_to(user, today=today).filter(named).select_related("unit").order_by("name")[:FOUND]
    ]
    found += [
        Candidate(
            kind=_("Objective"), name=one.name, aside="", field="objective", code=one.code, follows=one.pk in objectives
        )
        for one in objectives_visible_to(user, today=today).filter(named).order_by("name")[:FOUND]
    ]
    return found + [
        Candidate(
            kind=_("Unit and below"), name=one.name, aside="", field="unit", code=one.code, follows=one.pk in units
        )
        for one in units_visible_to(user, today=today).filter(named).order_by("path")[:FOUND]
    ]
