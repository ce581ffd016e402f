"""The pages of alerts, and the mailbox of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.urls import reverse

from alerts.models import Delivery, Incident, Message, Subscription
from kpis.models import Commentary
from tests.architecture.addresses import Address
from tests.architecture.addresses.of_kpis import changed, opened
from tests.architecture.addresses.of_kpis import kpi as kpi_of
from tests.architecture.people_and_things import ROLES, World

GIVEN_UP = "c0ffee00-0000-4000-8000-00000000000"


def furnish(world: World) -> None:
    """Each KPI has a mail that was given up, and its owner a subscription."""
    world.things["incident"] = {incident.kpi.code: incident for incident in Incident.objects.select_related("kpi")}
    world.things["mail"] = {}
    world.things["subscription"] = {}
    for number, (code, kpi) in enumerate(world.kpis.items()):
        message = Message.objects.create(
            dedup_key=f"mention|{code}|commentary 0",
            kind=Message.Kind.MENTION,
            kpi=kpi,
            facts={"author": "Ana Kovač", "kpi": {"code": code, "name": kpi.name}},
            created_at=world.moment,
        )
        world.things["mail"][code] = Delivery.objects.create(
            pk=f"{GIVEN_UP}{number}",
            message=message,
            recipient=kpi.owner,
            state=Delivery.State.DEAD,
            next_attempt_at=world.moment,
            created_at=world.moment,
            finished_at=world.moment - timedelta(days=30),
        )
        own = Subscription.objects.get_or_create(user=kpi.owner, kpi=kpi, defaults={"as_owner": True})
        world.things["subscription"][code] = own[0]


def thing(kind: str, otherwise: Any = 0) -> Any:
    """Return the arguments of an address of a thing of that kind."""

    def args(world: World, code: str) -> list[Any]:
        found = world.things[kind].get(code)
        return [found.pk if found is not None else otherwise]

    return args


def answered(role: str, code: str) -> int:
    """Whoever sees an incident but does not answer for its KPI may read it, and not answer it."""
    if opened(role, code) == 404:
        return 404
    return 200 if changed(role, code) == 200 else 403


def an_answer(world: World, code: str) -> dict[str, str]:
    return {"cause": "A storm.", "action": "Wait.", "recovery_on": str((world.moment + timedelta(days=30)).date())}


OF_THINGS = {
    "alerts:incident": Address(
        args=thing("incident"), answer=opened, post=an_answer, post_answer=answered, counted=(Commentary,)
    ),
    "alerts:of_kpi": Address(args=kpi_of, answer=opened),
}
OF_EVERYONE = {
    "alerts:acknowledge": 405,
    "alerts:inbox": 200,
    "alerts:mailbox": 404,
    "alerts:mailbox_message": 404,
    "alerts:mailbox_html": 404,
    "alerts:retry": 405,
    "alerts:subscription": 405,
    "alerts:subscriptions": 200,
}
BY_ROLE = {"alerts:deliveries": {role: 200 if role == "admin" else 404 for role in ROLES}}
ARGUMENTS = {
    "alerts:acknowledge": ["1"],
    "alerts:incident": ["1"],
    "alerts:mailbox_message": ["1.eml"],
    "alerts:mailbox_html": ["1.eml"],
    "alerts:retry": [f"{GIVEN_UP}9"],
    "alerts:subscription": ["1"],
}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    inbox, incident = reverse("alerts:inbox"), world.things["incident"]["OURS"]
    for role in ROLES:
        yield f"inbox of the {role}", role, inbox
    yield "inbox, mine", "owner", f"{inbox}?mine=1&show=open"
    yield "inbox, recent", "manager", f"{inbox}?show=recent"
    yield "incident to answer", "owner", reverse("alerts:incident", args=[incident.pk])
    yield "incident to read", "auditor", reverse("alerts:incident", args=[incident.pk])
    yield "alerts of a KPI", "auditor", reverse("alerts:of_kpi", args=["OURS"])
    yield "mails", "admin", reverse("alerts:deliveries")
    yield "no mails", "admin", reverse("alerts:deliveries") + "?state=suppressed"
    for role in ROLES:
        yield f"what the {role} is told", role, reverse("alerts:subscriptions")
    yield "something to follow", "manager", reverse("alerts:subscriptions") + "?q=arrivals"
    yield "nothing to follow", "manager", reverse("alerts:subscriptions") + "?q=none-such"


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    incident = reverse("alerts:incident", args=[world.things["incident"]["OURS"].pk])
    yield "answer without words", "owner", incident, {"cause": "", "action": "", "recovery_on": ""}
    said = {"cause": "x", "action": "y", "recovery_on": "2020-01-01"}
    yield "recovery in the past", "owner", incident, said
