"""What a person answers for, and giving each thing to somebody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from initiatives.models import Initiative
from initiatives.services.handing_over import hand_over_initiative
from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import close_account
from kpis.models import DataSource, Kpi
from kpis.services.aiming import hand_over
from kpis.services.sources import hand_over_source
from objectives.models import Objective
from objectives.services.handing_over import hand_over_objective
from objectives.services.refusal import Refused
from objectives.services.roles import refuse_if_last_admin
from reviews.models import Action, Decision, Forum
from reviews.services.handing_over import hand_over_action, hand_over_decision, hand_over_forum


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """One hand-over: who gives, who is to have it, by whom and when."""

    owner: User
    by: User
    today: date
    now: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing with an owner, as long as it is alive."""

    label: Any
    rows: Callable[[User], QuerySet[Any]]
    address: Callable[[Any], str]
    give: Callable[[Any, Giving], None]


KINDS: dict[str, Kind] = {
    "kpi": Kind(
        label=gettext_lazy("KPIs"),
        rows=lambda person: Kpi.objects.filter(owner=person).exclude(status=Kpi.Status.RETIRED).order_by("name"),
        address=lambda kpi: reverse("kpi", args=[kpi.code]),
        give=lambda kpi, to: hand_over(
            kpi=kpi, owner=to.owner, effective_from=to.today, reason=to.reason, by=to.by, now=to.now
        ),
    ),
    "objective": Kind(
        label=gettext_lazy("Objectives"),
        rows=lambda person: Objective.objects.filter(owner=person, status=Objective.Status.ACTIVE).order_by("name"),
        address=lambda objective: reverse("objective", args=[objective.code]),
        give=lambda objective, to: hand_over_objective(objective=objective, owner=to.owner),
    ),
    "initiative": Kind(
        label=gettext_lazy("Initiatives"),
        rows=lambda person: Initiative.objects.filter(
            owner=person,
            status__in=[Initiative.Status.PROPOSED, Initiative.Status.APPROVED, Initiative.Status.RUNNING],
        ).order_by("name"),
        address=lambda initiative: reverse("initiatives:initiative", args=[initiative.code]),
        give=lambda initiative, to: hand_over_initiative(initiative=initiative, owner=to.owner),
    ),
    "forum": Kind(
        label=gettext_lazy("Forums in the chair"),
        rows=lambda person: Forum.objects.filter(chair=person, is_active=True).order_by("name"),
        address=lambda forum: reverse("reviews:forum", args=[forum.code]),
        give=lambda forum, to: hand_over_forum(forum=forum, chair=to.owner),
    ),
    "decision": Kind(
        label=gettext_lazy("Decisions to prepare"),
        rows=lambda person: Decision.objects.filter(owner=person, state=Decision.State.DUE).order_by("due_on"),
        address=lambda decision: "",
        give=lambda decision, to: hand_over_decision(decision=decision, owner=to.owner),
    ),
    "action": Kind(
        label=gettext_lazy("Open actions"),
        rows=lambda person: Action.objects.filter(owner=person, done_on=None).order_by("due_on"),
        address=lambda action: "",
        give=lambda action, to: hand_over_action(action=action, owner=to.owner),
    ),
    "source": Kind(
        label=gettext_lazy("Sources"),
        rows=lambda person: DataSource.objects.filter(owner=person).order_by("name"),
        address=lambda source: reverse("configuration:source", args=[source.code]),
        give=lambda source, to: hand_over_source(source=source, owner=to.owner),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One thing a person answers for."""

    kind: str
    pk: int
    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All of a kind."""

    label: Any
    rows: list[Held]


def holdings(person: User) -> list[Group]:
    """Return what a person answers for, by kind, without the kinds they have nothing of."""
    groups = [
        Group(
            label=kind.label,
            rows=[Held(kind=key, pk=row.pk, name=_name(row), url=kind.address(row)) for row in kind.rows(person)],
        )
        for key, kind in KINDS.items()
    ]
    return [group for group in groups if group.rows]


def stands_in_for(person: User) -> QuerySet[Kpi]:
    """Return the KPIs of which a person is deputy or data steward; they keep the owner who answers for them."""
    kpis = Kpi.objects.filter(Q(deputy=person) | Q(steward=person)).exclude(status=Kpi.Status.RETIRED)
    return kpis.order_by("name")


def give_away(*, person: User, kind: str, pk: int, to: Giving) -> str:
    """Give one thing of a person to somebody else and return what it is called.

    What is no longer theirs is left alone: sent twice, it goes once. Raises Refused or NotActive.
    """
    with transaction.atomic():
        rows: QuerySet[Any] = KINDS[kind].rows(person)
        row = rows.select_for_update(of=("self",)).filter(pk=pk).first()
        if row is None:
            return ""
        KINDS[kind].give(row, to)
    return _name(row)


def close(*, person: User, by: User, today: date) -> None:
    """Let a person sign in no more. Raises Refused while they answer for anything, or are the last administrator."""
    if person.pk == by.pk:
        raise Refused(_("You can't close your own account: ask another administrator."))
    with transaction.atomic():
        refuse_if_last_admin(person=person, today=today)
        # From here on nobody can make them the owner of anything.
        User.objects.select_for_update().get(pk=person.pk)
        left = sum(len(group.rows) for group in holdings(person))
        if left:
            raise Refused(
                ngettext(
                    "%(name)s answers for %(n)s thing: it needs another owner first.",
                    "%(name)s answers for %(n)s things: they need another owner first.",
                    left,
                )
                % {"name": person.name, "n": left}
            )
        close_account(person=person)


def _name(row: Model) -> str:
    return str(getattr(row, "title", "") or getattr(row, "text", "") or row)
