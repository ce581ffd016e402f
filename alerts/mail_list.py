"""The list of mails by what became of them. Ready strings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from alerts.models import Delivery
from alerts.story import DeliveryLine, delivery_line, subject_of
from alerts.wording import Wording
from kpiplatform.accounts.models import User
from kpiplatform.paging import slice_of
from kpis.models import Kpi

State = Delivery.State
SIZE = 50
CHOICES: dict[str, list[str]] = {
    "": State.values,
    "owed": [State.PENDING, State.LEASED],
    "sent": [State.SENT],
    "dead": [State.DEAD],
    "suppressed": [State.SUPPRESSED],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLine:
    """One mail to one person."""

    pk: UUID
    made: str
    subject: str
    address: str
    fate: DeliveryLine
    kpi_url: str
    retry_url: str


def mail_page(*, rows: QuerySet[Delivery], chosen: str, after: str, reader: User, wording: Wording) -> dict[str, Any]:
    """Return the context of the list."""
    page = slice_of(rows.filter(state__in=CHOICES[chosen]), order=("-message_id", "-pk"), after=after, size=SIZE)
    labels = {
        "": _("All"),
        "owed": _("Owed"),
        "sent": _("Sent"),
        "dead": _("Given up"),
        "suppressed": _("Not sent"),
    }
    return {
        "chips": [{"label": labels[key], "url": _url(state=key), "current": key == chosen} for key in CHOICES],
        "lines": [line_of(one, reader, wording) for one in page.rows],
        "more": _url(state=chosen, after=page.after) if page.after else "",
        "chosen": chosen,
    }


def line_of(delivery: Delivery, reader: User, wording: Wording) -> MailLine:
    """Return one mail as the list prints it."""
    message = delivery.message
    dead = delivery.state == State.DEAD
    return MailLine(
        pk=delivery.pk,
        made=wording.moment(delivery.created_at),
        subject=subject_of(message, reader),
        address=delivery.recipient.email,
        fate=delivery_line(delivery, wording),
        kpi_url=reverse("kpi", args=[message.kpi.code]) if _has_a_page(message.kpi) else "",
        retry_url=reverse("alerts:retry", args=[delivery.pk]) if dead else "",
    )


def _has_a_page(kpi: Kpi | None) -> TypeGuard[Kpi]:
    return kpi is not None and kpi.status != Kpi.Status.RETIRED


def _url(**said: str) -> str:
    query = urlencode({key: value for key, value in said.items() if value})
    return reverse("alerts:deliveries") + (f"?{query}" if query else "")
