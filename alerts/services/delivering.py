"""Sending what is owed: claim, hand over, note. Any number of senders may run at once."""

from __future__ import annotations

import logging
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet

from alerts.channels.email import Answer, EmailChannel, Outcome, SignInRefused, Unreachable
from alerts.models import Delivery
from alerts.services.claiming import PERHAPS, SIGN_IN_REFUSED, claim, is_paused, renew
from alerts.services.writing import UNWRITTEN, NotToBeSent, Undeliverable, write

logger = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = timedelta(seconds=30), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
SIGN_IN_PAUSE = timedelta(minutes=5)
NOTE_FOR = 60  # seconds that the database may be away between the server's yes and our note of it
SPARE = 15  # seconds of the lease that are kept for the note

State = Delivery.State


@dataclass(slots=True, kw_only=True)
class Sweep:
    """What one sweep came to; `stopped` says why it ended before the queue did."""

    sent: int = 0
    later: int = 0
    dead: int = 0
    suppressed: int = 0
    stopped: str = ""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One sweep under way. Its clock starts at the `now` it was given and is moved on by a stopwatch."""

    now: datetime
    lease_seconds: int
    channel: EmailChannel
    sweep: Sweep = field(default_factory=Sweep)
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def at(self) -> datetime:
        return self.now + timedelta(seconds=self.seconds)

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)


def deliver_due(*, now: datetime, limit: int = 1000, lease_seconds: int = 90, for_seconds: int = 240) -> Sweep:
    """Send the deliveries that are due and return what became of them.

    A claim is committed before anything is sent, each recipient has their own SMTP transaction, and the server's reply
    is noted after it: so every owed mail is attempted until the server accepts it or it is shown as dead, and a
    duplicate, with the same Message-ID, is possible only if a process dies between acceptance and note. A server that
    can't be reached ends the sweep; one that refuses our sign-in ends it for every sender for five minutes and uses
    up no attempt.
    """
    if is_paused(now=now):
        return Sweep(stopped="sign-in refused")
    with EmailChannel() as channel:
        run = _Run(now=now, lease_seconds=lease_seconds, channel=channel)
        for _ in range(limit):
            claimed = claim(at=run.at, lease=run.lease)
            run.sweep.suppressed += claimed.suppressed
            if claimed.delivery is None:
                break
            _deliver(claimed.delivery, run)
            if not run.sweep.stopped and run.seconds > for_seconds:
                run.sweep.stopped = "time is up"
            if run.sweep.stopped:
                break
    return run.sweep


def _deliver(delivery: Delivery, run: _Run) -> None:
    try:
        message = write(delivery=delivery, at=run.at)
    except NotToBeSent as reason:
        _finish(delivery, State.SUPPRESSED, str(reason), run)
        run.sweep.suppressed += 1
        return
    except Undeliverable as reason:
        _give_up(delivery, str(reason), run)
        return
    except Exception as error:
        # Pushed aside, so that a row nobody foresaw can't stop the others.
        logger.exception("the mail of delivery %s could not be written", delivery.pk)
        _try_later(delivery, f"{UNWRITTEN}{error!r}", run)
        return
    try:
        answer = _hand_over(delivery, message, run)
    except SignInRefused as refused:
        _pause(delivery, str(refused), run)
    except Unreachable as away:
        run.sweep.stopped = "unreachable"
        _try_later(delivery, str(away), run)
    else:
        if answer is not None:
            _note(delivery, answer, run)


def _hand_over(delivery: Delivery, message: EmailMessage, run: _Run) -> Answer | None:
    """Return the server's answer, or None if the claim was lost to another sender while connecting."""
    if run.channel.is_open:
        # Servers end a connection after so many mails: nothing was handed over then, a new one serves.
        with suppress(Unreachable):
            return _say(delivery, message, run)
    run.channel.open()
    if not renew(delivery=delivery, until=run.at + run.lease):
        return None
    return _say(delivery, message, run)


def _say(delivery: Delivery, message: EmailMessage, run: _Run) -> Answer:
    return run.channel.hand_over(
        message,
        sender=settings.DEFAULT_FROM_EMAIL,
        recipient=delivery.recipient.email,
        seconds=run.lease_seconds - SPARE,
    )


def _note(delivery: Delivery, answer: Answer, run: _Run) -> None:
    match answer.outcome:
        case Outcome.ACCEPTED:
            _note_accepted(delivery, answer.reply, run)
        case Outcome.REFUSED:
            _give_up(delivery, answer.reply, run)
        case Outcome.UNANSWERED:
            run.sweep.stopped = "unreachable"
            delivery.reply = PERHAPS
            _try_later(delivery, answer.reply, run)
        case Outcome.LATER:
            _try_later(delivery, answer.reply, run)


def _note_accepted(delivery: Delivery, reply: str, run: _Run) -> None:
    """Note that the server took the mail; a database that is away for a while must not make us send it twice."""
    until = time.monotonic() + NOTE_FOR
    while True:
        try:
            # Whoever holds the claim by now: it was sent.
            owed = Delivery.objects.filter(pk=delivery.pk, state__in=[State.LEASED, State.PENDING])
            owed.update(state=State.SENT, reply=reply[:500], lease_until=None, finished_at=run.at)
            break
        except (OperationalError, InterfaceError):
            if time.monotonic() > until or connection.in_atomic_block:
                raise
            logger.warning("the database is away; delivery %s was accepted: %s", delivery.pk, reply)
            connection.close()
            time.sleep(1)
    run.sweep.sent += 1


def _give_up(delivery: Delivery, reply: str, run: _Run) -> None:
    if _finish(delivery, State.DEAD, reply, run):
        run.sweep.dead += 1
        logger.error("delivery %s to user %s was given up: %s", delivery.pk, delivery.recipient_id, reply)


def _try_later(delivery: Delivery, reply: str, run: _Run) -> None:
    reply = delivery.reply + reply
    if run.at - delivery.created_at >= GIVE_UP_AFTER:
        _give_up(delivery, reply, run)
        return
    due = run.at + retry_after(delivery.attempts)
    if _mine(delivery).update(state=State.PENDING, reply=reply[:500], lease_until=None, next_attempt_at=due):
        run.sweep.later += 1


def _pause(delivery: Delivery, reply: str, run: _Run) -> None:
    """Open the circuit: until then no sender tries, and this attempt does not count."""
    run.sweep.stopped = "sign-in refused"
    _mine(delivery).update(
        state=State.PENDING,
        attempts=delivery.attempts - 1,
        reply=f"{delivery.reply}{SIGN_IN_REFUSED}{reply}"[:500],
        lease_until=None,
        next_attempt_at=run.at + SIGN_IN_PAUSE,
    )
    logger.error("the mail server refuses our sign-in, nothing is sent for %s: %s", SIGN_IN_PAUSE, reply)


def _finish(delivery: Delivery, state: str, reply: str, run: _Run) -> int:
    return _mine(delivery).update(state=state, reply=reply[:500], lease_until=None, finished_at=run.at)


def _mine(delivery: Delivery) -> QuerySet[Delivery]:
    """The row, while the claim is still ours."""
    return Delivery.objects.filter(pk=delivery.pk, state=State.LEASED, lease_until=delivery.lease_until)


def retry_after(attempts: int) -> timedelta:
    """Return the pause after so many attempts: doubling from half a minute to an hour, a fifth more or less."""
    doubled = FIRST_RETRY * 2 ** min(attempts - 1, 10)
    return min(doubled, LAST_RETRY) * random.uniform(0.8, 1.2)
