"""What the workers do. Every task may run twice or at once: the work itself is rows that are claimed."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from kpis.services.clock import note_clock
from kpis.services.deriving import derive_owed
from kpis.services.health import refresh_health
from kpis.services.judging import judge, judge_owed
from kpis.services.pulling import due_pulls, run_pull
from kpis.services.rolling import roll_up_due

log = logging.getLogger(__name__)

# The next ticks ask again, so a queue that nobody empties does not fill up with the same question.
ASKED_FOR_SECONDS = 300


@shared_task
def tick() -> None:
    """Ask the database what is due now: one task per pull, the health of KPIs and the roll-ups whose day has come."""
    now = timezone.now()
    note_clock(now=now)
    for source_id, slot in due_pulls(now=now):
        pull_source.apply_async((source_id, slot.isoformat()), expires=ASKED_FOR_SECONDS)
    refresh_health(now=now)
    roll_up_due(now=now)


@shared_task
def pull_source(source_id: int, slot: str) -> None:
    """Run the pull of a source for a slot, given in ISO format."""
    pull = run_pull(source_id=source_id, slot=datetime.fromisoformat(slot), now=timezone.now())
    log.info(
        "pull %s of source %s: %s, %s new, %s revised",
        pull.pk,
        source_id,
        pull.state,
        pull.values_new,
        pull.values_revised,
    )


@shared_task
def evaluate_kpis(kpi_ids: list[int]) -> None:
    """Judge what is owed of some KPIs."""
    judge(kpi_ids=kpi_ids, now=timezone.now())


@shared_task
def sweep_evaluations() -> None:
    """Judge what no nudge led to."""
    judge_owed(now=timezone.now())


@shared_task
def derive() -> None:
    """Compute the values of derived KPIs that are owed; rung when inputs change, and by the clock."""
    derive_owed(now=timezone.now())
