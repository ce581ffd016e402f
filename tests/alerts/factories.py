"""Judged periods, noted judgements and a mail server for tests: plain functions with visible defaults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from django.db import transaction
from django.test import override_settings

from alerts.models import BandCrossing, Delivery, Message, Subscription
from alerts.services import Noted, note_judgements
from kpiplatform.accounts.models import User
from kpis.domain.limits import Limits
from kpis.domain.scoring import judge
from kpis.models import DataSource, Evaluation, Kpi, KpiState, Measurement, MeasurementRevision, Pull, SourceMapping
from tests.factories import a_kpi, a_person

MONDAY = datetime(2026, 11, 16, 6, 10, tzinfo=UTC)  # the morning after week 46
GOAL, RED_FLAG = Decimal(82), Decimal(79)
ON, RISK, OFF = Decimal(85), Decimal(80), Decimal(75)


def week(number: int) -> date:
    """The Monday of a week of 2026."""
    return date.fromisocalendar(2026, number, 1)


def judged(
    kpi: Kpi,
    values: Mapping[date, Decimal | int | str | None],
    *,
    days: int = 7,
    provisional: bool = False,
    at: datetime = MONDAY,
) -> None:
    """Store a judgement per period, in place of an earlier one; no value means that it lost its band."""
    rows = []
    for start, value in values.items():
        number = None if value is None else Decimal(value)
        judgement = judge(number, Limits(goal=GOAL, red_flag=RED_FLAG)) if number is not None else None
        rows.append(
            Evaluation(
                kpi_id=kpi.pk,
                period_start=start,
                period_end=start + timedelta(days=days),
                value=number,
                goal=GOAL,
                red_flag=RED_FLAG,
                score=judgement.score if judgement else None,
                band=judgement.band if judgement else "",
                is_provisional=provisional,
                evaluated_at=at,
            )
        )
    Evaluation.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["kpi", "period_start"],
        update_fields=["value", "score", "band", "is_provisional", "evaluated_at"],
    )


def noted(kpi: Kpi, *, since: date = date.min, cause: str = "value", now: datetime = MONDAY) -> Noted:
    """Note the judgements of one KPI as the evaluating transaction does."""
    with transaction.atomic():
        return note_judgements(kpi_ids=[kpi.pk], judged_from={kpi.pk: since}, cause=cause, now=now)


def judge_and_note(
    kpi: Kpi,
    values: Mapping[date, Decimal | int | str | None],
    *,
    cause: str = "value",
    now: datetime = MONDAY,
    days: int = 7,
) -> Noted:
    """Judge periods and note them, all in one."""
    judged(kpi, values, at=now, days=days)
    return noted(kpi, since=min(values), cause=cause, now=now)


def a_watched_kpi(name: str = "LaGuardia on-time arrivals", *, band: Decimal = ON, **fields: Any) -> Kpi:
    """A KPI whose first load up to week 45 was noted, in one band throughout."""
    fields.setdefault("code", f"LGA-OTA-{Kpi.objects.count()}")
    kpi = a_kpi(name, **fields)
    KpiState.objects.create(kpi=kpi)
    judge_and_note(kpi, {week(number): band for number in range(36, 46)}, now=MONDAY - timedelta(days=7))
    return kpi


def an_owed_mail(name: str = "LaGuardia on-time arrivals", *, value: Decimal = OFF, **fields: Any) -> Delivery:
    """The delivery that is owed to the owner once week 46 was off track."""
    kpi = a_watched_kpi(name, **fields)
    judge_and_note(kpi, {week(46): value})
    return Delivery.objects.get(message__kpi=kpi)


def a_revision(kpi: Kpi, start: date, *, was: int, value: int, by: User, note: str, at: datetime = MONDAY) -> None:
    """A value that a person replaced, with its reason."""
    common = {"period_start": start, "period_end": start + timedelta(days=7), "state": "reported"}
    for seq, number, kind, why, when in (
        (1, was, "manual", "", at - timedelta(days=3)),
        (2, value, "correction", note, at),
    ):
        MeasurementRevision.objects.create(
            kpi=kpi, seq=seq, value=number, kind=kind, note=why, recorded_by=by, recorded_at=when, **common
        )
    Measurement.objects.create(kpi_id=kpi.pk, value=value, seq=2, recorded_at=at, **common)


def a_subscription(user: User, **fields: Any) -> Subscription:
    return Subscription.objects.create(user=user, **fields)


def a_source(name: str = "Flight operations feed", *, owner: User | None = None, **fields: Any) -> DataSource:
    fields.setdefault("code", f"source-{DataSource.objects.count()}")
    return DataSource.objects.create(
        name=name, kind="csv_file", owner=owner or a_person("Amara Singh"), pull_at="06:10", **fields
    )


def fed_by(source: DataSource, *kpis: Kpi) -> None:
    for kpi in kpis:
        SourceMapping.objects.create(source=source, kpi=kpi, spec={})


def a_pull(source: DataSource, *, state: str = "failed", at: datetime = MONDAY, **fields: Any) -> Pull:
    return Pull.objects.create(source=source, slot=at, state=state, finished_at=at, **fields)


def kinds(kpi: Kpi) -> list[str]:
    """The kinds of the messages about a KPI, oldest first."""
    return list(Message.objects.filter(kpi=kpi).order_by("pk").values_list("kind", flat=True))


@dataclass
class Mailbox:
    """A real SMTP server that keeps what it accepts, and can be told to be difficult.

    `rcpt` and `data` give the answer for an address; `hang_after_data` keeps the client waiting after the message
    arrived; `users` asks for a sign-in.
    """

    rcpt: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    mail: str = ""
    hang_after_data: bool = False
    accept_before_hanging: bool = True
    users: dict[str, str] | None = None
    accepted: list[tuple[str, EmailMessage]] = field(default_factory=list)
    dialogues: int = 0

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.dialogues += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mail:
            return self.mail
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.rcpt.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        address = envelope.rcpt_tos[0]
        if answer := self.data.get(address):
            return answer
        if not self.hang_after_data or self.accept_before_hanging:
            self.accepted.append((address, message_from_bytes(envelope.content, policy=default)))
        if self.hang_after_data:
            await asyncio.sleep(3600)
        return f"250 kept as {len(self.accepted)}"

    @property
    def recipients(self) -> list[str]:
        return [address for address, _ in self.accepted]

    @property
    def ids(self) -> list[str]:
        return [message["Message-ID"] for _, message in self.accepted]


class _OnAnyPort(Controller):
    """The stock controller asks after the port it was given, not after the one it got."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def a_mail_server(mailbox: Mailbox, *, timeout: float = 5, **options: Any) -> Iterator[Mailbox]:
    """Run the server and point the settings to it."""
    security: dict[str, Any] = {}
    if mailbox.users is not None:
        security = {
            "auth_required": True,
            "auth_require_tls": False,
            "authenticator": lambda server, session, envelope, mechanism, data: AuthResult(
                success=mailbox.users.get(data.login.decode()) == data.password.decode(), handled=False
            ),
        }
    controller = _OnAnyPort(mailbox, hostname="127.0.0.1", port=0, ready_timeout=10, **security)
    controller.start()
    try:
        with override_settings(MAILERS=mailers_for(controller.port, timeout=timeout, **options)):
            yield mailbox
    finally:
        controller.stop(no_assert=True)


def mailers_for(port: int, *, timeout: float = 5, **options: Any) -> dict[str, Any]:
    """The setting for a server on this machine."""
    return {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": port, "timeout": timeout, **options},
        }
    }


def after(**later: float):
    return MONDAY + timedelta(**later)


def crossings(kpi) -> list[tuple[int, str, str, date, str]]:
    rows = BandCrossing.objects.filter(kpi=kpi).order_by("seq")
    return list(rows.values_list("seq", "from_band", "to_band", "period_start", "cause"))
