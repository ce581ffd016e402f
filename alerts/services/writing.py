"""Writing the mail of a claimed delivery, after asking once more whether it may and should be sent."""

from __future__ import annotations

from datetime import date, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from alerts.channels.email import build_message
from alerts.mails import (
    Mail,
    Reader,
    WaitingValue,
    write_approval_mail,
    write_band_mail,
    write_mention_mail,
    write_minutes_mail,
    write_source_mail,
)
from alerts.models import Delivery, Message
from alerts.queries import local_date
from alerts.services.superseding import BY, PERHAPS_TOLD, Told, Waiting, fold_messages
from kpis.dates import short_label
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import period_of
from kpis.grades import grades_of, grades_once_approved
from kpis.models import ProposedValue
from kpis.queries import calendar_of, kpis_visible_to, proposed_values_decided_by

NO_ADDRESS = gettext_noop("no address: ")
UNWRITTEN = gettext_noop("could not be written: ")


class NotToBeSent(Exception):
    """The mail is no longer to be sent; the message is the reason."""


class Undeliverable(Exception):
    """The mail can't reach this person at all; the message is the reason."""


def write(*, delivery: Delivery, at: datetime) -> EmailMessage:
    """Return the message of a delivery. Raises NotToBeSent or Undeliverable with the reason."""
    recipient = delivery.recipient
    if not recipient.is_active:
        raise NotToBeSent(gettext_noop("the recipient may not sign in any more"))
    try:
        address = Address(display_name=" ".join(recipient.name.split()), addr_spec=recipient.email)
    except (ValueError, MessageError) as error:
        raise Undeliverable(f"{NO_ADDRESS}{error}") from error
    return build_message(
        _mail(delivery, at),
        sender=settings.DEFAULT_FROM_EMAIL,
        recipient=address,
        message_id=message_id(delivery),
        thread=_thread(delivery),
        at=at,
    )


def message_id(delivery: Delivery) -> str:
    """Return the id of the mail: the same however often it is sent."""
    return f"<{delivery.pk}@{urlsplit(settings.BASE_URL).hostname}>"


def _mail(delivery: Delivery, at: datetime) -> Mail:
    message = delivery.message
    if message.kind == Message.Kind.MINUTES:
        return _minutes_mail(delivery)
    if message.kind == Message.Kind.APPROVAL:
        return _approval_mail(delivery, at)
    if message.kpi_id is None:
        return _source_mail(delivery, at)
    is_mention = message.kind == Message.Kind.MENTION
    if not is_mention and (message.subscription is None or not message.subscription.is_active):
        raise NotToBeSent(gettext_noop("the subscription has ended"))
    visible = kpis_visible_to(delivery.recipient, today=local_date(at))
    if not visible.filter(pk=message.kpi_id).exists():
        raise NotToBeSent(gettext_noop("the recipient may not see this KPI"))
    return _mention_mail(delivery) if is_mention else _band_mail(delivery, at)


def _mention_mail(delivery: Delivery) -> Mail:
    facts = delivery.message.facts
    url = f"{settings.BASE_URL}/kpis/{facts['kpi']['code']}/#entry-{facts['commentary']}"
    return write_mention_mail(facts, reader=_reader(delivery), url=url)


def _minutes_mail(delivery: Delivery) -> Mail:
    """To whoever took part: what was said there is theirs, wherever they belong by now."""
    facts = delivery.message.facts
    url = f"{settings.BASE_URL}{facts['path']}"
    return write_minutes_mail(facts, reader=_reader(delivery), reader_id=delivery.recipient_id, url=url)


def _approval_mail(delivery: Delivery, at: datetime) -> Mail:
    """Of all that waits for the person now: some may have been decided, and more have come."""
    reader = _reader(delivery)
    waiting = proposed_values_decided_by(delivery.recipient, today=local_date(at))
    rows = waiting.select_related("kpi__calendar", "kpi__unit", "entered_by").order_by("entered_at", "pk")
    keys = [(row.kpi_id, row.period_start) for row in rows]
    grades = grades_once_approved(keys, now=at, today=local_date(at))
    values = [_waiting_value(row, grades.get((row.kpi_id, row.period_start), ""), reader) for row in rows]
    if not values:
        raise NotToBeSent(gettext_noop("nothing waits for an approval any more"))
    url = f"{settings.BASE_URL}/my/approvals/"
    return write_approval_mail(delivery.message.facts, values, reader=reader, url=url)


def _waiting_value(row: ProposedValue, grade: str, reader: Reader) -> WaitingValue:
    kpi = row.kpi
    period = period_of(row.period_start, kpi.frequency, calendar_of(kpi.calendar))
    value = _("no value")
    if row.value is not None:
        value = with_unit(number(row.value, kpi.decimals, locale=reader.locale), kpi.measure_unit)
    elif row.state == "not_applicable":
        value = _("not applicable")
    return WaitingValue(
        what=f"{kpi.name}, {short_label(period)}",
        value=value,
        by=_("entered by %(person)s") % {"person": row.entered_by.name},
        confidence=_("data confidence %(grade)s") % {"grade": grade} if grade else "",
    )


def _band_mail(delivery: Delivery, at: datetime) -> Mail:
    message, told = delivery.message, _what_to_tell(delivery)
    assert message.kpi_id is not None
    latest = {message.kpi_id: date.fromisoformat(message.facts["periods"][-1]["start"])}
    grade = grades_of(latest, today=local_date(at)).get(message.kpi_id, "")
    url = f"{settings.BASE_URL}/kpis/{message.facts['kpi']['code']}/"
    return write_band_mail(
        message.facts,
        kind=told.kind,
        was=told.was,
        grade=grade,
        reader=_reader(delivery),
        url=url,
        key=str(delivery.pk),
    )


def _what_to_tell(delivery: Delivery) -> Told:
    """The change as this person meets it, who was perhaps not told of the steps before."""
    set_aside = (
        Delivery.objects.filter(
            recipient=delivery.recipient_id,
            message__kpi=delivery.message.kpi_id,
            state=Delivery.State.SUPPRESSED,
            reply__startswith=f"{BY}{delivery.pk}",
        )
        .select_related("message")
        .order_by("message_id")
    )
    chain = [_waiting(one.message, perhaps_told=one.reply.endswith(PERHAPS_TOLD)) for one in set_aside]
    told = fold_messages([*chain, _waiting(delivery.message)])
    if isinstance(told, str):
        raise NotToBeSent(told)
    return told


def _waiting(message: Message, *, perhaps_told: bool = False) -> Waiting:
    return Waiting(kind=message.kind, facts=message.facts, perhaps_told=perhaps_told)


def _source_mail(delivery: Delivery, at: datetime) -> Mail:
    facts = delivery.message.facts
    codes = [kpi["code"] for kpi in facts["kpis"]]
    visible = kpis_visible_to(delivery.recipient, today=local_date(at)).filter(code__in=codes)
    may_see = set(visible.values_list("code", flat=True))
    facts = facts | {"kpis": [kpi for kpi in facts["kpis"] if kpi["code"] in may_see]}
    source = delivery.message.source
    url = f"{settings.BASE_URL}/configuration/sources/{source.code}/" if source else f"{settings.BASE_URL}/"
    return write_source_mail(facts, kind=delivery.message.kind, reader=_reader(delivery), url=url)


def _reader(delivery: Delivery) -> Reader:
    recipient = delivery.recipient
    return Reader(name=recipient.name, locale=recipient.locale, time_zone=ZoneInfo(recipient.time_zone))


def _thread(delivery: Delivery) -> str:
    """The id of the first mail to this person about the same incident, "" if this is the first."""
    incident = delivery.message.facts.get("incident")
    if incident is None:
        return ""
    first = (
        Delivery.objects.filter(
            recipient=delivery.recipient_id,
            message__kpi=delivery.message.kpi_id,
            message__facts__incident=incident,
            state=Delivery.State.SENT,
        )
        .exclude(pk=delivery.pk)
        .order_by("message_id")
        .first()
    )
    return message_id(first) if first else ""
