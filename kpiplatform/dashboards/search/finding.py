"""What a person may find: in each kind of thing by the same query that opens it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from initiatives.queries import initiatives_visible_to
from initiatives.words import status_word
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.navigation import navigation
from kpiplatform.dashboards.search.matching import Asked, asked, fitting
from kpis.queries import kpis_visible_to
from objectives.models import RoleAssignment
from objectives.queries import colleagues_of, objectives_visible_to, units_visible_to
from reviews.queries import forums_visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that was found; `band` is None for what has none."""

    title: str
    url: str
    note: str = ""
    band: str | None = None
    person: User | None = None
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The best of one kind; `more` says that there are others."""

    key: str
    heading: str
    results: Sequence[Found]
    more: bool


def find(typed: str, user: User, *, today: date, limit: int) -> list[Group]:
    """Return what fits, by kind, at most `limit` of each, numbered through; one query per kind.

    Nothing typed: the pages that `user` may open.
    """
    wanted = asked(typed)
    groups = [_group("pages", _("Go to"), _pages(wanted, user, today), limit)]
    if wanted.words:
        groups += [_group(key, heading, found, limit) for key, heading, found in _things(wanted, user, today, limit)]
    return list(_numbered(group for group in groups if group.results))


def _group(key: str, heading: str, found: Sequence[Found], limit: int) -> Group:
    return Group(key=key, heading=heading, results=found[:limit], more=len(found) > limit)


def _numbered(groups: Iterable[Group]) -> Iterator[Group]:
    number = 0
    for group in groups:
        numbered = []
        for found in group.results:
            number += 1
            numbered.append(replace(found, number=number))
        yield replace(group, results=numbered)


def _pages(wanted: Asked, user: User, today: date) -> list[Found]:
    pages = navigation(user, "", today=today, counts={})
    named = [(str(page["label"]), page["url"]) for page in pages]
    return [
        Found(title=label, url=url) for label, url in named if all(word in asked(label).whole for word in wanted.words)
    ]


def _things(wanted: Asked, user: User, today: date, limit: int) -> Iterator[tuple[str, str, list[Found]]]:
    """Yield each kind with one row more than is shown, by which it is known that there are others."""
    most = limit + 1
    kpis = kpis_visible_to(user, today=today)
    rows: Any = fitting(kpis, wanted, name="name", also=("code", "owner__name", "unit__name"))
    yield "kpis", _("KPIs"), [_kpi(kpi) for kpi in rows.select_related("state", "unit", "owner")[:most]]
    rows = fitting(objectives_visible_to(user, today=today), wanted, name="name", also=("code", "owner__name"))
    shown = rows.select_related("state", "perspective", "owner")
    yield "objectives", _("Objectives"), [_objective(objective) for objective in shown[:most]]
    rows = fitting(initiatives_visible_to(user, today=today), wanted, name="name", also=("code", "owner__name"))
    yield "initiatives", _("Initiatives"), [_initiative(one) for one in rows.select_related("owner", "unit")[:most]]
    owned = kpis.order_by().filter(owner=OuterRef("pk")).values("owner").annotate(count=Count("pk")).values("count")
    rows = fitting(colleagues_of(user, today=today), wanted, name="name", also=("email",))
    roles = RoleAssignment.objects.exclude(valid_until__lt=today).select_related("unit")
    people = rows.annotate(owns=Coalesce(Subquery(owned), 0)).prefetch_related(
        Prefetch("roles", queryset=roles, to_attr="roles_now")
    )
    yield "people", _("People"), [_person(person) for person in people[:most]]
    rows = fitting(units_visible_to(user, today=today), wanted, name="name", also=("code",))
    yield "units", _("Units"), [Found(title=unit.name, url=reverse("unit", args=[unit.code])) for unit in rows[:most]]
    rows = fitting(forums_visible_to(user, today=today), wanted, name="name", also=("code",))
    forums = [Found(title=forum.name, url=reverse("reviews:forum", args=[forum.code])) for forum in rows[:most]]
    yield "forums", _("Forums"), forums


def _kpi(kpi: Any) -> Found:
    state = getattr(kpi, "state", None)
    return Found(
        title=kpi.name,
        url=reverse("kpi", args=[kpi.code]),
        note=f"{kpi.code} · {kpi.unit.name} · {kpi.owner.name}",
        band=state.band if state else "",
    )


def _objective(objective: Any) -> Found:
    state = getattr(objective, "state", None)
    return Found(
        title=objective.name,
        url=reverse("objective", args=[objective.code]),
        note=f"{objective.perspective.name} · {objective.owner.name}",
        band=state.band if state else "",
    )


def _initiative(initiative: Any) -> Found:
    return Found(
        title=initiative.name,
        url=reverse("initiatives:initiative", args=[initiative.code]),
        note=f"{status_word(initiative.status)} · {initiative.unit.name} · {initiative.owner.name}",
    )


def _person(person: Any) -> Found:
    """A person leads to what they answer for: the search of their name."""
    roles = [f"{role.get_role_display()}, {role.unit.name}" for role in person.roles_now]
    owns = ngettext("owns %(count)d KPI", "owns %(count)d KPIs", person.owns) % {"count": person.owns}
    return Found(
        title=person.name,
        url=f"{reverse('search')}?{urlencode({'q': person.name})}",
        note=" · ".join([*roles, *([owns] if person.owns else [])]),
        person=person,
    )
