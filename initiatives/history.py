"""What happened to an initiative, told from the audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from initiatives.models import Initiative, Milestone
from initiatives.words import status_word
from kpiplatform.accounts.models import User
from kpiplatform.audit.models import AuditEntry
from kpis.dates import day, moment

SHOWN = 12
READ = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    at: str
    who: str
    what: str


def events_of(initiative: Initiative, steps: Sequence[Milestone]) -> list[Event]:
    """Return what changed, the latest first: statuses, dates, milestones; in two queries."""
    of_milestones = Q(table=Milestone._meta.db_table, row__in=[str(step.pk) for step in steps])
    of_work = Q(table=Initiative._meta.db_table, row=str(initiative.pk))
    entries = list(AuditEntry.objects.filter(of_work | of_milestones).order_by("-id")[:READ])
    actors = {entry.actor for entry in entries if entry.actor is not None}
    names = dict(User.objects.filter(pk__in=actors).values_list("pk", "name"))
    zone = timezone.get_current_timezone()
    told = (
        Event(at=moment(entry.at, zone), who=names.get(entry.actor or 0, ""), what=what)
        for entry in entries
        for what in _what(entry)
    )
    return [event for event, _index in zip(told, range(SHOWN), strict=False)]


def _what(entry: AuditEntry) -> Iterator[str]:
    before, after = entry.before or {}, entry.after or {}
    if entry.table == Initiative._meta.db_table:
        if entry.action == "INSERT":
            yield _("Proposed") if after["status"] == Initiative.Status.PROPOSED else _("Entered here")
            return
        if before.get("status") != after.get("status"):
            yield _("Status: %(status)s") % {"status": status_word(after["status"])}
        yield from _moved(_("The end"), before, after, "ends_on")
        for name, words in (("budget", _("The budget was changed")), ("owner_id", _("The owner was changed"))):
            if before.get(name) != after.get(name):
                yield words
    elif entry.action == "UPDATE":
        yield from _moved(f"“{after['name']}”", before, after, "due_on")
        if before["done_on"] != after["done_on"]:
            done = _("“%(name)s” is done") if after["done_on"] else _("“%(name)s” is open again")
            yield done % {"name": after["name"]}


def _moved(subject: str, before: dict[str, Any], after: dict[str, Any], name: str) -> Iterator[str]:
    if before.get(name) != after.get(name):
        words = {"what": subject, "old": _day(before[name]), "new": _day(after[name])}
        yield _("%(what)s moved from %(old)s to %(new)s") % words


def _day(written: str) -> str:
    return day(date.fromisoformat(written))
