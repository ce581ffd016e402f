"""What alerts make of what happens elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from alerts import services, tasks
from alerts.domain.announce import Cause
from alerts.services.announcing import subscribe_owners
from alerts.signals import deliveries_owed
from kpiplatform.accounts.models import User
from kpis.almanac import Almanac
from kpis.models import Commentary, ProposedValue, Pull
from kpis.signals import kpis_judged, kpis_staffed, people_mentioned, pull_ended_badly, values_proposed

logger = logging.getLogger(__name__)


@receiver(kpis_judged, dispatch_uid="alerts: note judgements")
def on_kpis_judged(
    *,
    kpi_ids: Sequence[int],
    judged_from: Mapping[int, date],
    cause: Cause,
    now: datetime,
    almanac: Almanac | None = None,
    **_: Any,
) -> None:
    """Note crossings in the transaction of the evaluations."""
    services.note_judgements(kpi_ids=kpi_ids, judged_from=judged_from, cause=cause, almanac=almanac, now=now)


@receiver(pull_ended_badly, dispatch_uid="alerts: note a bad pull")
def on_pull_ended_badly(*, pull: Pull, now: datetime, **_: Any) -> None:
    """Owe a message in the transaction that ends the pull."""
    services.note_bad_pull(pull=pull, now=now)


@receiver(kpis_staffed, dispatch_uid="alerts: subscribe owners")
def on_kpis_staffed(*, kpi_ids: Sequence[int], **_: Any) -> None:
    """Let the alerts of a KPI follow its owner."""
    subscribe_owners(kpi_ids=kpi_ids)


@receiver(people_mentioned, dispatch_uid="alerts: tell who was named")
def on_people_mentioned(*, commentary: Commentary, people: Sequence[User], now: datetime, **_: Any) -> None:
    """Owe each of them a mail in the transaction of what was written."""
    services.note_mentions(commentary=commentary, people=people, now=now)


@receiver(values_proposed, dispatch_uid="alerts: tell who decides")
def on_values_proposed(*, proposed: Sequence[ProposedValue], now: datetime, **_: Any) -> None:
    """Owe them a mail in the transaction of the values."""
    services.note_proposals(proposed=proposed, now=now)


@receiver(deliveries_owed, dispatch_uid="alerts: ring for the sender")
def on_deliveries_owed(**_: Any) -> None:
    """Ring the bell; without a broker the sweep finds the rows."""
    try:
        tasks.deliver.delay()
    except OperationalError as error:
        logger.warning("no broker to ring for the sender, the sweep will follow: %s", error)
