"""Setting up who meets when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import ChangedMeanwhile, lock_as_seen, seen
from reviews.models import Forum


class CodeTaken(Exception):
    """Another forum has this code. Nothing was written."""


def create_forum(*, code: str, participants: Sequence[User], **said: Any) -> Forum:
    """Create a forum; sent twice with the same words it is created once. Raises CodeTaken."""
    try:
        with transaction.atomic():
            forum = Forum.objects.create(code=code, **said)
            forum.participants.set(participants)
            return forum
    except IntegrityError as error:
        before = Forum.objects.filter(code=code, **said).first()
        if before is None:
            raise CodeTaken(code) from error
        return before


def seen_forum(forum: Forum) -> str:
    """Return a token of the forum as it is stored, its participants included."""
    return f"{seen(forum)}:{_participants(forum)}"


@transaction.atomic
def change_forum(*, forum_id: int, seen: str, participants: Sequence[User], **said: Any) -> Forum:
    """Change a forum that still is as it was seen. Raises ChangedMeanwhile; nothing is written then."""
    row, _, people = seen.partition(":")
    forum = lock_as_seen(Forum.objects.all(), forum_id, row)
    if people != _participants(forum):
        raise ChangedMeanwhile(forum)
    for name, value in said.items():
        setattr(forum, name, value)
    forum.save(update_fields=list(said))
    forum.participants.set(participants)
    return forum


def _participants(forum: Forum) -> str:
    return ".".join(str(pk) for pk in forum.participants.order_by("pk").values_list("pk", flat=True))
