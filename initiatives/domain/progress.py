"""How far the milestones of an initiative are, and how late against the dates that were planned first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol


class Step(Protocol):
    """A milestone: the date planned first, the date it is due now, and the day it was done."""

    @property
    def planned_on(self) -> date: ...
    @property
    def due_on(self) -> date: ...
    @property
    def done_on(self) -> date | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many milestones are done, and how many were to be done by now."""

    done: int
    planned: int
    total: int

    @property
    def share_done(self) -> Decimal:
        """The part of the work that is done, every milestone counting alike; 0 without milestones."""
        return Decimal(self.done) / self.total if self.total else Decimal(0)

    @property
    def share_planned(self) -> Decimal:
        """The part of the work that was to be done by now."""
        return Decimal(self.planned) / self.total if self.total else Decimal(0)


def progress(steps: Sequence[Step], today: date) -> Progress:
    """Return the progress by the dates planned first: moving a milestone does not bring it closer."""
    return Progress(
        done=sum(step.done_on is not None for step in steps),
        planned=sum(step.planned_on <= today for step in steps),
        total=len(steps),
    )


def days_late(step: Step, today: date) -> int:
    """Return the days between the first plan and the day it was done, or the day it can be done at the earliest.

    Negative for what was done early or is planned earlier now.
    """
    return ((step.done_on or max(step.due_on, today)) - step.planned_on).days


def next_step[S: Step](steps: Sequence[S]) -> S | None:
    """Return the open milestone that is due first."""
    return min((step for step in steps if step.done_on is None), key=lambda step: step.due_on, default=None)


def furthest_behind[S: Step](steps: Sequence[S], today: date) -> tuple[S, int] | None:
    """Return the open milestone furthest behind its first date and by how many days; None when all are in time."""
    late = [(step, days_late(step, today)) for step in steps if step.done_on is None]
    worst = max(late, key=lambda pair: pair[1], default=None)
    return worst if worst is not None and worst[1] > 0 else None


def end_slipped(*, first_end: date, end: date, today: date, is_open: bool) -> int:
    """Return by how many days the end lies behind the one planned first; 0 when it is in time or came earlier."""
    reached = max(end, today) if is_open else end
    return max((reached - first_end).days, 0)
