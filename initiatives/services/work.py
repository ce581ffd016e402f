"""Proposing an initiative, changing it, and taking it from one status to the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from initiatives.domain.status import may_follow
from initiatives.models import Initiative
from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import lock_as_seen

TRIES = 20
LONGEST_CODE = 32
CHANGEABLE = ("name", "purpose", "objective", "unit", "owner", "starts_on", "ends_on", "budget", "spent", "currency")


class NotNow(Exception):
    """The step cannot follow the present status any more."""

    def __init__(self, initiative: Initiative) -> None:
        super().__init__(initiative.status)
        self.initiative = initiative


def propose(*, said: Mapping[str, Any], by: User, now: datetime) -> Initiative:
    """Create an initiative that waits for approval; the same one proposed twice is stored once.

    Its code comes from its name.
    """
    with transaction.atomic():
        # Two presses of the button at the same moment wait for each other here.
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        same = Initiative.objects.filter(
            name=said["name"], unit=said["unit"], starts_on=said["starts_on"], status=Initiative.Status.PROPOSED
        ).first()
        return same or _with_a_free_code(Initiative(**said, created_at=now))


def _with_a_free_code(initiative: Initiative) -> Initiative:
    stem = slugify(initiative.name)[:LONGEST_CODE].strip("-")
    if stem in {"", "new"}:  # "new" is the address where one is proposed
        stem = "initiative"
    for number in range(1, TRIES):
        initiative.code = stem if number == 1 else f"{stem}-{number}"
        try:
            with transaction.atomic():
                initiative.save(force_insert=True)
        except IntegrityError:
            if not Initiative.objects.filter(code=initiative.code).exists():
                raise
        else:
            return initiative
    raise RuntimeError(f"no free code for {stem}")


def change(*, initiative: Initiative, said: Mapping[str, Any], token: str) -> Initiative:
    """Store what the form says; the end that was planned first is kept when the end moves.

    Raises ChangedMeanwhile when the row is not the one that was seen.
    """
    with transaction.atomic():
        row = lock_as_seen(Initiative.objects.all(), initiative.pk, token)
        if said["ends_on"] != row.ends_on and row.first_ends_on is None and row.status != Initiative.Status.PROPOSED:
            row.first_ends_on = row.ends_on
        for name in CHANGEABLE:
            if name in said:
                setattr(row, name, said[name])
        row.save()
        return row


def step_to(*, initiative: Initiative, status: str) -> Initiative:
    """Take the initiative to another status; asked twice, it happens once.

    Raises NotNow when another step came first.
    """
    with transaction.atomic():
        row = Initiative.objects.select_for_update(of=("self",)).get(pk=initiative.pk)
        if row.status == status:
            return row
        if not may_follow(row.status, status):
            raise NotNow(row)
        row.status = status
        row.save(update_fields=["status"])
        return row
