"""The values of a KPI by longer periods than its own, each with its coverage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from kpis.domain.aggregation import ONE, Aggregate, Value, aggregate
from kpis.domain.periods import Calendar, Frequency, Period, period_of

_BY_LENGTH = tuple(Frequency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarse:
    """One longer period: the aggregate of those within, and whether it still runs."""

    period: Period
    aggregate: Aggregate
    is_open: bool


def is_coarser(frequency: str, than: str) -> bool:
    """Return whether periods of `frequency` are longer."""
    return _BY_LENGTH.index(Frequency(frequency)) > _BY_LENGTH.index(Frequency(than))


def coarser(
    own: Sequence[Period],
    values: Mapping[date, Value | None],
    *,
    frequency: str,
    method: str,
    calendar: Calendar,
    today: date,
    factor: Decimal = ONE,
) -> list[Coarse]:
    """Return the aggregates of `own` periods by those of `frequency`, in order.

    `values` has what is known by the start of each own period, None for one that does not apply. A period that is
    over and has no value is missing; one that still runs is not due. A week counts where its last day is.
    """
    within: dict[Period, list[Value | None]] = defaultdict(list)
    for period in own:
        longer = period_of(period.last_day, frequency, calendar)
        members = within[longer]
        if period.start not in values:
            if period.end <= today:
                members.append(None)
        elif (value := values[period.start]) is not None:
            members.append(value)
    return [
        Coarse(period=longer, aggregate=aggregate(members, method, factor), is_open=longer.end > today)
        for longer, members in within.items()
    ]
