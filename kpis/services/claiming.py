"""Claiming pulls: one worker has a pull, and it is free again as soon as that worker is gone.

The worker that claims a pull holds a lock of its session on the attempt. PostgreSQL drops it when the session ends, for
whatever reason: a killed worker, a lost connection, a server that was restarted. The lease is for a worker that is
there and does not move.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q

from kpis.models import Pull

# The locks of pulls among all of the database, and the number of an attempt among them: it has 31 bits.
PULLS = 7_301_003
ATTEMPTS, NUMBERS = 16, 2**31
# Each row is looked at again by its newest version if somebody claims it meanwhile.
END_LEASES = """
UPDATE kpis_pull SET lease_until = %(over)s
WHERE state = 'running' AND lease_until > %(over)s AND NOT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %(pulls)s
        AND objid::bigint = (id * %(attempts)s + attempts) %% %(numbers)s
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


def free(now: datetime) -> Q:
    """The pulls that a worker may claim: waiting and not to be left alone, or left behind by a worker."""
    waiting = Q(state=Pull.State.WAITING) & (Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
    return waiting | Q(state=Pull.State.RUNNING, lease_until__lt=now)


def end_leases_of_the_gone(*, now: datetime) -> None:
    """Free the pulls whose worker has no session any more."""
    over = now - timedelta(milliseconds=1)
    with connection.cursor() as cursor:
        cursor.execute(END_LEASES, {"over": over, "pulls": PULLS, "attempts": ATTEMPTS, "numbers": NUMBERS})


def claim(*, source_id: int, slot: datetime, now: datetime, lease: timedelta) -> Pull | None:
    """Take the pull for this worker, or return None. Committed before anything is read from the source."""
    with transaction.atomic(durable=True):
        if not Pull.objects.filter(source_id=source_id, slot=slot).exists():
            Pull.objects.bulk_create([Pull(source_id=source_id, slot=slot)], ignore_conflicts=True)
        end_leases_of_the_gone(now=now)
        claimed = Pull.objects.filter(free(now), source_id=source_id, slot=slot).update(
            state=Pull.State.RUNNING,
            attempts=F("attempts") + 1,
            lease_until=now + lease,
            next_attempt_at=None,
            started_at=now,
            finished_at=None,
            error=None,
        )
        if not claimed:
            return None
        pull = Pull.objects.select_related("source").get(source_id=source_id, slot=slot)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [PULLS, _number(pull)])
        return pull


def let_go(pull: Pull) -> None:
    """Drop the lock of the attempt; a session that ended has dropped it already."""
    with suppress(InterfaceError, OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [PULLS, _number(pull)])


def is_lost(error: Exception) -> bool:
    """Return whether an error says that the session with the database is over, and nothing about the source."""
    code = getattr(error.__cause__, "sqlstate", None)
    is_gone = code is None or code.startswith("08") or code in {"57P01", "57P02", "57P03"}
    return isinstance(error, InterfaceError | OperationalError) and is_gone


def _number(pull: Pull) -> int:
    return (pull.pk * ATTEMPTS + pull.attempts) % NUMBERS
