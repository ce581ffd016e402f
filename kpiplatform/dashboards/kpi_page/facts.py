"""What is known of a KPI, as its page takes it: plain values, read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.as_known import AsKnown
from kpis.domain.aggregation import Aggregate
from kpis.domain.confidence import Confidence
from kpis.domain.judged import Rules
from kpis.domain.limits import AnyLimits, Limits, RangeLimits
from kpis.domain.periods import Calendar, Period, WorkingDays, period_of
from kpis.grades import Then
from kpis.models import Kpi, KpiState
from reviews.queries import Reviewing


class Row(NamedTuple):
    """A measurement and its judgement; `judged_value` differs from `value` where a KPI counts to date.

    `recorded_at` stays the text it was read as: only the file of the table shows it.
    """

    start: date
    end: date
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    state: str
    reason: str
    recorded_at: str
    is_judged: bool
    judged_value: Decimal | None
    goal: Decimal | None
    red_flag: Decimal | None
    goal_high: Decimal | None
    red_high: Decimal | None
    score: Decimal | None
    band: str
    no_band_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """An annotation."""

    pk: int
    start: date
    end: date
    text: str
    author: User
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """An entry of the thread: a comment, or an explanation with cause, action and recovery date."""

    pk: int
    parent: int | None
    kind: str
    mentioned: tuple[str, ...]
    period_start: date | None
    body: str
    cause: str
    action: str
    recovery_on: date | None
    author: User
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of the definition."""

    number: int
    effective_from: date
    breaks_series: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A version of a value, and the one before it; `until` is when the next one came, None if it still stands."""

    start: date
    seq: int
    was: Decimal | None
    now: Decimal | None
    state: str
    state_before: str
    reason: str
    kind: str
    note: str
    who: str
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A milestone of an initiative."""

    name: str
    planned_on: date
    due_on: date
    done_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What an initiative promised this KPI, and how its milestones stand."""

    name: str
    code: str
    status: str
    change: Decimal
    starts_on: date
    full_effect_on: date
    confidence: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """Another KPI on the page, as it stands now: the guard, or the same figure for a unit below."""

    pk: int
    code: str
    name: str
    unit_name: str
    measure_unit: str
    decimals: int
    frequency: str
    ratio_factor: Decimal
    period_start: date | None
    value: Decimal | None
    previous_value: Decimal | None
    goal: Decimal | None
    red_flag: Decimal | None
    goal_high: Decimal | None
    red_high: Decimal | None
    band: str
    spark: dict[str, str]
    parts: tuple[Decimal, Decimal] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPull:
    """A pull that would change values of the KPI and waits for a decision, and by whom."""

    pk: int
    at: datetime
    decides: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A KPI and all that its page says of it; as known on a past day, `today` is that day."""

    kpi: Kpi
    known: AsKnown
    state: KpiState
    calendar: Calendar
    today: date
    rows: tuple[Row, ...]
    rules: Rules
    people: Mapping[str, str]  # names by "owner", "deputy", "steward"
    remarks: tuple[Remark, ...]
    comments: tuple[Comment, ...]
    versions: tuple[Version, ...]
    revisions: tuple[Revision, ...]
    revision_count: int
    promises: tuple[Promise, ...]
    may_open: frozenset[str]
    below: tuple[Other, ...]
    holidays: frozenset[date]
    locked_until: date | None
    reopened: frozenset[date]
    guard: Other | None
    failing_since: datetime | None
    held: HeldPull | None
    confidence: Mapping[date, Confidence]
    past_grades: Mapping[Then, str]  # of the values of revisions, with which each ended or stands
    grades: Mapping[int, str]  # of the latest values of the guard and of the units below, by KPI
    feeding: Mapping[int, Kpi]  # what values are computed from, as far as the reader may open it
    may_read_rows: bool
    is_behind: bool
    feeds_others: bool
    opens_objective: bool
    may_comment: bool
    may_edit: bool
    may_propose: bool
    may_configure: bool
    reader_id: int
    locale: str
    reviewing: Reviewing
    below_hidden: int = 0  # KPIs of units below that the reader may not open
    by_formula: Callable[[date, date], Aggregate] | None = None  # where the value of many periods takes the inputs

    def may_change(self, remark: Remark) -> bool:
        """Whether the reader may change or remove an annotation: their own, and administrators any."""
        return self.may_comment and (self.may_configure or remark.author.pk == self.reader_id)

    @property
    def breaks(self) -> list[date]:
        """The days on which the definition changed so that values before and after do not compare."""
        return [version.effective_from for version in self.versions if version.breaks_series]

    def broke_between(self, start: date, end: date) -> bool:
        """Return whether periods that start on these two days do not compare."""
        return any(start < day <= end for day in self.breaks)

    def period(self, day: date) -> Period:
        """Return the KPI's period that holds `day`."""
        return period_of(day, self.kpi.frequency, self.calendar)

    @property
    def may_correct(self) -> bool:
        """Whether the reader may change values, or propose other ones: what is computed from others takes none."""
        return self.may_propose or (self.may_edit and self.kpi.entry != Kpi.Entry.DERIVED)

    def is_locked(self, period: Period) -> bool:
        """Return whether the value of the period may not be changed now."""
        if self.locked_until is None or period.end > self.locked_until:
            return False
        return period.start not in self.reopened

    @property
    def working_days(self) -> WorkingDays | None:
        """The days that count towards the KPI's lag; None when every day does."""
        if not self.kpi.lag_in_working_days:
            return None
        return WorkingDays(weekdays=frozenset(self.kpi.calendar.working_weekdays), holidays=self.holidays)


def state_of(kpi: Kpi) -> KpiState:
    """Return the state of a KPI, an empty one before its first value."""
    return getattr(kpi, "state", None) or KpiState(kpi=kpi)


def limits_of(judged: Row | Other) -> AnyLimits | None:
    """Return the limits a value was judged by; None for those that took no numbers."""
    if judged.goal is None or judged.red_flag is None:
        return None
    if judged.goal_high is None or judged.red_high is None:
        return Limits(goal=judged.goal, red_flag=judged.red_flag)
    return RangeLimits(
        goal_low=judged.goal, goal_high=judged.goal_high, red_low=judged.red_flag, red_high=judged.red_high
    )
