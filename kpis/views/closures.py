"""Locks and requests to reopen in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from kpis.dates import day, moment
from kpis.models import PeriodReopening
from kpis.reopenings import Closure
from objectives.queries import organisations_day


def closure_in_words(closure: Closure, *, now: datetime) -> dict[str, Any] | None:
    """Return how a period is closed, by sentences; None where no lock reaches it."""
    lock = closure.lock
    if lock is None:
        return None
    words = {
        "day": day(lock.last_day),
        "unit": lock.unit.name if lock.unit else _("every unit"),
        "name": lock.locked_by.name,
        "at": moment(lock.locked_at, timezone.get_current_timezone()),
    }
    told = _("Periods up to %(day)s are locked for %(unit)s, by %(name)s on %(at)s.") % words
    return {
        "is_closed": closure.is_closed,
        "lock": f"{told} {_sentence(lock.reason)}".strip(),
        "reopening": standing_of(closure.holds, now=now) if closure.holds else "",
        "waiting": standing_of(closure.waiting, now=now) if closure.waiting else "",
        "request": closure.holds or closure.waiting,
    }


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?…" else f"{text}."


def standing_of(request: PeriodReopening, *, now: datetime) -> str:
    """Say how a request stands: it waits, it was rejected, the period is open until a day, or closed again."""
    if request.decided_at is None:
        words = {"name": request.requested_by.name, "day": day(organisations_day(request.requested_at))}
        return _("%(name)s asked on %(day)s to reopen it; nobody has decided yet.") % words
    if request.rejected_by is not None:
        return _("%(name)s left it closed: %(reason)s") % {
            "name": request.rejected_by.name,
            "reason": request.rejection,
        }
    assert request.approved_by is not None
    assert request.expires_at is not None
    words = {"name": request.approved_by.name, "day": day(last_day_of(request.expires_at))}
    if request.expires_at > now:
        return _("Open until the end of %(day)s, approved by %(name)s.") % words
    return _("Closed again since the end of %(day)s; %(name)s had approved it.") % words


def last_day_of(expires_at: datetime) -> Any:
    """Return the last day on which a period is open, by the organisation's calendar."""
    return organisations_day(expires_at - timedelta(seconds=1))
