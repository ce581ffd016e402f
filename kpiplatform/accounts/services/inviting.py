"""Inviting people: the account, and the mail with the link by which they choose their password.

The row is the queue: a mail is owed in the transaction that invites, a task sends it, a sweep finds what no task
was rung for.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime, timedelta
from email.headerregistry import Address
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account import app_settings as allauth
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from kpiplatform.accounts.models import Invitation, User

log = logging.getLogger(__name__)

ATTEMPTS_AT_MOST = 6
FIRST_PAUSE = timedelta(seconds=30)
# A worker that dies while it sends holds the mail for this long.
LEASE = timedelta(minutes=2)
AT_ONCE = 50
NO_ANSWER = gettext_noop("The mail server does not answer: ")


def invite(*, email: str, name: str, time_zone: str, by: User, now: datetime) -> User:
    """Return a new person who has no password yet, and owe them the mail by which they choose one."""
    with transaction.atomic():
        person = User.objects.create_user(email, name=name, time_zone=time_zone)
        send_invitation(person=person, by=by, now=now)
    return person


def send_invitation(*, person: User, by: User, now: datetime) -> Invitation:
    """Owe the person a mail with a new link; one that is still owed is not owed twice."""
    return Invitation.objects.get_or_create(
        user=person, state=Invitation.State.OWED, defaults={"invited_by": by, "asked_at": now}
    )[0]


def password_link(person: User) -> str:
    """Return the address at which the person chooses a password; it works once, and not for ever."""
    token = allauth.PASSWORD_RESET_TOKEN_GENERATOR().make_token(person)
    path = reverse("account_reset_password_from_key", args=[user_pk_to_url_str(person), token])
    return f"{settings.BASE_URL}{path}"


def link_ends_at(now: datetime) -> datetime:
    """Return until when a link that is made now can be used."""
    return now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def deliver_invitations(*, now: datetime, organisation: str) -> int:
    """Send the invitations that are owed and return how many went out; safe to run at once."""
    owed = Invitation.objects.filter(_due(now)).values_list("pk", flat=True)[:AT_ONCE]
    return sum(_deliver(pk, now=now, organisation=organisation) for pk in list(owed))


def _due(now: datetime) -> Q:
    return Q(state=Invitation.State.OWED) & (Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))


def _deliver(pk: int, *, now: datetime, organisation: str) -> bool:
    """Send one mail if it is still ours to send. No transaction is open while the mail server is spoken to."""
    claimed = Invitation.objects.filter(_due(now), pk=pk).update(
        attempts=F("attempts") + 1, next_attempt_at=now + LEASE
    )
    if not claimed:
        return False
    invitation = Invitation.objects.select_related("user", "invited_by").get(pk=pk)
    try:
        _message(invitation, now=now, organisation=organisation).send()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        _note_failure(invitation, error, now)
        return False
    Invitation.objects.filter(pk=pk).update(state=Invitation.State.SENT, sent_at=now, next_attempt_at=None, reply="")
    return True


def _note_failure(invitation: Invitation, error: Exception, now: datetime) -> None:
    log.warning("invitation %s could not be sent: %s", invitation.pk, error)
    for_good = isinstance(error, smtplib.SMTPRecipientsRefused | ValueError)
    tried_enough = for_good or invitation.attempts >= ATTEMPTS_AT_MOST
    Invitation.objects.filter(pk=invitation.pk, state=Invitation.State.OWED).update(
        state=Invitation.State.FAILED if tried_enough else Invitation.State.OWED,
        next_attempt_at=None if tried_enough else now + FIRST_PAUSE * 2 ** (invitation.attempts - 1),
        reply=_words(error)[:300],
    )


def _words(error: Exception) -> str:
    """Return what the mail server said, or why it could not be asked."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        error = next(iter(_answers(error)), error)
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    if isinstance(error, OSError):
        return f"{NO_ANSWER}{error}"
    return str(error)


def _answers(refused: smtplib.SMTPRecipientsRefused) -> list[smtplib.SMTPResponseException]:
    """The answers inside an error that carries one per recipient."""
    return [smtplib.SMTPResponseException(code, said) for code, said in refused.recipients.values()]


def _message(invitation: Invitation, *, now: datetime, organisation: str) -> EmailMultiAlternatives:
    person, by = invitation.user, invitation.invited_by
    ends = link_ends_at(now).astimezone(ZoneInfo(person.time_zone))
    subject = _("Your account at %(organisation)s") % {"organisation": organisation}
    context: dict[str, Any] = {
        "subject": " ".join(subject.split()),
        "preheader": _("Choose a password and sign in."),
        "organisation": organisation,
        "role": _("invitation for %(name)s") % {"name": person.name},
        "foot": _("You get this mail because an administrator of %(organisation)s invited you.")
        % {"organisation": organisation},
        "person": person,
        "by": by,
        "url": password_link(person),
        "until": f"{date_format(ends, 'j M Y, H:i')} {ends:%Z}",
        "again": f"{settings.BASE_URL}{reverse('account_reset_password')}",
    }
    message = EmailMultiAlternatives(
        subject=context["subject"],
        body=render_to_string("account/mail/invitation.txt", context).strip() + "\n",
        to=[str(Address(display_name=" ".join(person.name.split()), addr_spec=person.email))],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": _message_id(invitation)},
    )
    message.attach_alternative(render_to_string("account/mail/invitation.html", context), "text/html")
    return message


def _message_id(invitation: Invitation) -> str:
    host = settings.BASE_URL.partition("://")[2].partition("/")[0].partition(":")[0]
    return f"<invitation-{invitation.pk}@{host}>"
