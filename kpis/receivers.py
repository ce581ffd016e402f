"""What follows from a fact: nudges to the workers, roll-ups of what is composed otherwise, and what may not be."""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import Any

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from kpis.services.closing import refuse_to_count_behind, refuse_to_move_from_under_locks
from kpis.services.rolling import roll_up_objectives
from kpis.signals import derivations_owed, measurements_recorded
from kpis.tasks import derive, evaluate_kpis
from objectives.models import Objective, Unit
from objectives.signals import objective_counts_anew, objectives_changed, unit_moved

log = logging.getLogger(__name__)

KPIS_PER_TASK = 1000


@receiver(measurements_recorded)
def nudge_evaluation(sender: object, *, kpi_ids: list[int], **_: Any) -> None:
    """Ask the workers to judge at once. Without a broker the sweep does it later."""
    try:
        for start in range(0, len(kpi_ids), KPIS_PER_TASK):
            evaluate_kpis.delay(kpi_ids[start : start + KPIS_PER_TASK])
    except OperationalError:
        log.warning("the broker does not answer; %s KPIs wait for the sweep", len(kpi_ids))


@receiver(derivations_owed)
def nudge_derivation(sender: object, **_: Any) -> None:
    """Ask the workers to compute at once. Without a broker the sweep does it later."""
    try:
        derive.delay()
    except OperationalError:
        log.warning("the broker does not answer; derived values wait for the sweep")


@receiver(objectives_changed)
def roll_up_again(sender: object, *, objective_ids: list[int], now: datetime, **_: Any) -> None:
    """What an objective is made of changed, so its score does; it comes from the KPIs below."""
    roll_up_objectives(objective_ids=objective_ids, now=now)


@receiver(objective_counts_anew)
def keep_closed_scores(sender: object, *, objective: Objective, since: date, **_: Any) -> None:
    """What an objective counted while its KPIs' periods were open stands once they are locked."""
    refuse_to_count_behind(objective, since)


@receiver(unit_moved)
def keep_locks(sender: object, *, unit: Unit, before: str, **_: Any) -> None:
    """Locks of the units above stay above what they closed."""
    refuse_to_move_from_under_locks(unit, before)
