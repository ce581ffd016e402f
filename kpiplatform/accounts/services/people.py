"""Changing a person's particulars, and closing and opening their account."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from kpiplatform.accounts.models import Invitation, User
from kpiplatform.audit.editing import lock_as_seen

# What an administrator edits: signing in meanwhile is no conflict.
PARTICULARS = ("name", "email", "time_zone")


class NotActive(ValueError):
    """A person who may not sign in was to become accountable; the sentence says so. Nothing was written."""


def lock_active(person: User) -> User:
    """Return the person, who can't be deactivated until the transaction ends. Raises NotActive."""
    locked = User.objects.select_for_update().get(pk=person.pk)
    if not locked.is_active:
        raise NotActive(_("%(name)s may not sign in and can't be given anything.") % {"name": locked.name})
    return locked


def edit_person(*, person: User, seen: str, name: str, email: str, time_zone: str) -> User:
    """Change what a person is called and where they are reached. Raises ChangedMeanwhile."""
    with transaction.atomic():
        locked = lock_as_seen(User.objects.all(), person.pk, seen, PARTICULARS)
        locked.name, locked.email, locked.time_zone = name, email.strip().lower(), time_zone
        locked.save(update_fields=list(PARTICULARS))
        # The address of before opens nothing any more.
        EmailAddress.objects.filter(user=locked).exclude(email=locked.email).delete()
    return locked


def follow_clock(*, person: User, time_zone: str) -> None:
    """Let a person whose clock nobody has set yet read moments by this one."""
    unset = User._meta.get_field("time_zone").get_default()
    User.objects.filter(pk=person.pk, time_zone=unset).update(time_zone=time_zone)


def close_account(*, person: User) -> None:
    """Let a person sign in no more, from this moment: their open sessions end and owed invitations are dropped.

    What they are accountable for is the caller's question, asked in the same transaction.
    """
    with transaction.atomic():
        User.objects.filter(pk=person.pk).update(is_active=False)
        Invitation.objects.filter(user=person, state=Invitation.State.OWED).update(
            state=Invitation.State.FAILED, reply=gettext_noop("The account was closed.")
        )
        _end_sessions(person)


def reopen_account(*, person: User) -> None:
    """Let a person sign in again, with the password they had."""
    User.objects.filter(pk=person.pk).update(is_active=True)


def _end_sessions(person: User) -> None:
    # Who a session belongs to stands inside it. A closed account could use none anyway: this leaves none behind.
    running = Session.objects.filter(expire_date__gt=timezone.now()).iterator(chunk_size=500)
    theirs = [one.pk for one in running if one.get_decoded().get(SESSION_KEY) == str(person.pk)]
    Session.objects.filter(pk__in=theirs).delete()
