"""The periods of an owner's KPIs: which stand in the grid, and how it stands with the value of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from kpis.domain.periods import Calendar, Frequency, Period, WorkingDays, due_on, period_of, previous_period
from kpis.models import KeptValue, Kpi, Measurement, ProposedValue

FREQUENCIES = ["day", "week", "month", "quarter", "half_year", "year"]
CLOSED_COLUMNS = 6
ASKED_AHEAD = timedelta(days=3)  # a value is asked for this long before it is due, even while its period runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One period of one KPI; `proposed` is what somebody entered last and somebody else decides about, or has.

    `kept` is what the person who looks typed and has not explained yet.
    """

    kpi: Kpi
    period: Period
    due: date
    today: date
    value: Measurement | None
    proposed: ProposedValue | None = None
    kept: KeptValue | None = None

    @property
    def key(self) -> tuple[int, date]:
        return self.kpi.pk, self.period.start

    @property
    def seq(self) -> int:
        """The revision that is shown, 0 for none."""
        return self.value.seq if self.value else 0

    @property
    def is_open(self) -> bool:
        return self.period.end > self.today

    @property
    def is_locked(self) -> bool:
        until = self.kpi.locked_until
        return until is not None and self.period.end <= until and self.period.start not in self.kpi.reopened

    @property
    def state(self) -> str:
        """reported, provisional or not_applicable; without a value missing, due or not_due."""
        if self.value is not None:
            return self.value.state
        if self.kpi.active_from is not None and self.period.end <= self.kpi.active_from:
            return "not_due"
        if self.due < self.today:
            return "missing"
        return "due" if self.due <= self.today + ASKED_AHEAD or not self.is_open else "not_due"

    @property
    def unexplained(self) -> KeptValue | None:
        """What the person typed over the value that still stands here."""
        return self.kept if self.kept is not None and self.kept.seen_seq == self.seq else None

    @property
    def waiting(self) -> ProposedValue | None:
        """The value that waits for approval."""
        return self.proposed if self.proposed is not None and not self.proposed.outcome else None

    @property
    def rejected(self) -> ProposedValue | None:
        """The value that was rejected, as long as no other came."""
        one = self.proposed
        if one is None or one.decided_at is None or (self.value and self.value.recorded_at > one.decided_at):
            return None
        return one

    def is_by_another(self, person_id: int) -> bool:
        """Return whether somebody else's value waits here: it is seen before it is replaced."""
        return self.waiting is not None and self.waiting.entered_by_id != person_id

    @property
    def is_typed(self) -> bool:
        """Whether a value can be typed here by the way; the others are corrected, if at all, with a reason."""
        return self.kpi.entry == Kpi.Entry.MANUAL and not self.is_locked

    @property
    def is_asked(self) -> bool:
        """Whether a value is owed: none is there or waits, or the period closed on a provisional one."""
        if not self.is_typed or self.waiting is not None:
            return False
        return self.state in {"missing", "due"} or (self.state == "provisional" and not self.is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A KPI and its periods in the grid, oldest first."""

    kpi: Kpi
    slots: tuple[Slot, ...]

    def slot(self, start: date) -> Slot | None:
        """Return the slot whose period starts on a day."""
        return next((slot for slot in self.slots if slot.period.start == start), None)


def columns(frequency: str, calendar: Calendar, today: date, *, closed: int = CLOSED_COLUMNS) -> list[Period]:
    """Return the last closed periods and the open one, oldest first."""
    periods = [period_of(today, Frequency(frequency), calendar)]
    for _ in range(closed):
        periods.append(previous_period(periods[-1], calendar))
    return periods[::-1]


def lines(
    kpis: Iterable[Kpi],
    *,
    periods: Mapping[int, list[Period]],
    values: Mapping[tuple[int, date], Measurement],
    proposed: Mapping[tuple[int, date], ProposedValue],
    kept: Mapping[tuple[int, date], KeptValue],
    working: Mapping[int, WorkingDays],
    today: date,
) -> list[Line]:
    """Return a line for each KPI over its `periods` (by KPI id)."""
    return [
        Line(
            kpi=kpi,
            slots=tuple(
                Slot(
                    kpi=kpi,
                    period=period,
                    due=_due(kpi, period, working),
                    today=today,
                    value=values.get((kpi.pk, period.start)),
                    proposed=proposed.get((kpi.pk, period.start)),
                    kept=kept.get((kpi.pk, period.start)),
                )
                for period in periods[kpi.pk]
            ),
        )
        for kpi in kpis
    ]


def _due(kpi: Kpi, period: Period, working: Mapping[int, WorkingDays]) -> date:
    return due_on(period, kpi.reporting_lag_days, working[kpi.calendar_id] if kpi.lag_in_working_days else None)
