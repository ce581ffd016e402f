"""The confirmed band: a pure fold over a KPI's judged periods, in period order.

Arrival order, batching and duplicates cannot matter: the caller folds the latest revision of each
period. A value that arrives for a period after the state's `through` continues the fold; one for
an earlier period is a correction, and everything is folded again from the empty state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from kpis.domain.bands import severity
from kpis.domain.limits import AnyLimits, Limits, OptionScale, RangeLimits
from kpis.domain.scoring import band_for

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a change of band is confirmed.

    To improve, a value must clear the line by `margin`; to worsen it need not. `confirm` observed
    periods in a row must agree. After more than `forget_after_days` without a judged period what
    was pending is forgotten (None: never); it is a matter of the periods, not of the clock.
    """

    margin: Decimal = ZERO
    confirm: int
    forget_after_days: int | None = None

    def __post_init__(self) -> None:
        if not (self.margin.is_finite() and self.margin >= 0):
            raise ValueError("The margin must be 0 or more.")
        if self.confirm < 1:
            raise ValueError("At least one period confirms a change.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The latest judgement of one period. Value and limits matter only where there is a margin."""

    period_start: date
    band: str
    value: Decimal | None = None
    limits: AnyLimits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldState:
    """Where a fold stands.

    `pending` holds the bands, oldest first, of the latest periods that all speak for a change in
    one direction but are too few yet. `through` is the last judged period that was folded.
    """

    confirmed: str = ""
    since: date | None = None
    pending: tuple[str, ...] = ()
    through: date | None = None

    @classmethod
    def empty(cls) -> "FoldState":
        return cls()

    @property
    def pending_band(self) -> str:
        """Return the band that would be confirmed if the next period agreed, "" if none."""
        return _agreed(self.pending, self.confirmed) if self.pending else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A confirmed change of band, at the period that confirmed it."""

    period_start: date
    from_band: str
    to_band: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The state after folding, and the changes met on the way; the first judgement is one."""

    state: FoldState
    transitions: tuple[Transition, ...]


def default_confirm(frequency: str) -> int:
    """Return how many periods confirm a change where no rule says: two days, else one period."""
    return 2 if frequency == "day" else 1


def validate_margin(margin: Decimal, limits: AnyLimits) -> None:
    """Raise ValueError with a sentence if a recovery under this margin could not be reached."""
    if isinstance(limits, OptionScale):
        if margin:
            raise ValueError("Options are reached or not; a scale takes no margin.")
        return
    if isinstance(limits, Limits):
        distances = [abs(limits.goal - limits.red_flag)]
    else:
        distances = [limits.goal_low - limits.red_low, limits.red_high - limits.goal_high]
        if margin > (limits.goal_high - limits.goal_low) / 2:
            raise ValueError("The margin is wider than half the goal range: no value could recover.")
    if margin < 0:
        raise ValueError("The margin must be 0 or more.")
    if margin > min(distances):
        raise ValueError("The margin is wider than the distance between goal and red flag.")


def fold(facts: Iterable[Fact], rule: Rule, state: FoldState | None = None) -> Fold:
    """Fold facts, in any order, onto `state` (None: from the beginning).

    A worsening is the mildest of the last `confirm` bands, an improvement the worst of them. A
    fact without a band neither counts nor resets, and leaves no trace. Raises ValueError for a
    fact at or before `state.through`, and for two facts of one period that differ.
    """
    state = state or FoldState.empty()
    transitions: list[Transition] = []
    for fact in _in_order(facts, state.through):
        state, transition = _step(state, fact, rule)
        if transition is not None:
            transitions.append(transition)
    return Fold(state=state, transitions=tuple(transitions))


def recovery_band(fact: Fact, margin: Decimal) -> str:
    """Return the band a value has earned with `margin` to spare; never better than its band."""
    if not margin or fact.value is None or not isinstance(fact.limits, Limits | RangeLimits):
        return fact.band
    # The worse of both sides serves either polarity and the two ends of a range alike.
    nearby = (band_for(fact.value - margin, fact.limits), band_for(fact.value + margin, fact.limits))
    return max(fact.band, *nearby, key=severity)


def _in_order(facts: Iterable[Fact], through: date | None) -> list[Fact]:
    by_period: dict[date, Fact] = {}
    for fact in facts:
        if not fact.band:
            continue
        if through is not None and fact.period_start <= through:
            raise ValueError(f"{fact.period_start} is folded already; a correction folds from the beginning.")
        if by_period.setdefault(fact.period_start, fact) != fact:
            raise ValueError(f"{fact.period_start} is judged twice; only its latest revision counts.")
    return [by_period[start] for start in sorted(by_period)]


def _step(state: FoldState, fact: Fact, rule: Rule) -> tuple[FoldState, Transition | None]:
    pending = state.pending
    if state.through is not None and rule.forget_after_days is not None:
        gap = (fact.period_start - state.through).days
        pending = pending if gap <= rule.forget_after_days else ()
    pending = _extended(pending, state.confirmed, fact, rule)
    confirmed, since, transition = state.confirmed, state.since, None
    if len(pending) == rule.confirm:
        confirmed, since = _agreed(pending, state.confirmed), fact.period_start
        transition = Transition(period_start=since, from_band=state.confirmed, to_band=confirmed)
        pending = _still_beyond(pending, confirmed)
    state = FoldState(confirmed=confirmed, since=since, pending=pending, through=fact.period_start)
    return state, transition


def _extended(pending: tuple[str, ...], confirmed: str, fact: Fact, rule: Rule) -> tuple[str, ...]:
    """Return the run that speaks for a change, with this fact; a fact that does not ends it."""
    now = severity(confirmed)
    if severity(fact.band) > now:
        run = pending if pending and severity(pending[-1]) > now else ()
        return (*run, fact.band)[-rule.confirm :]
    recovered = recovery_band(fact, rule.margin)
    if severity(recovered) < now:
        run = pending if pending and severity(pending[-1]) < now else ()
        return (*run, recovered)[-rule.confirm :]
    return ()


def _agreed(pending: tuple[str, ...], confirmed: str) -> str:
    """Return the mildest of a worsening run, the worst of an improving one."""
    worsening = severity(pending[-1]) > severity(confirmed)
    return min(pending, key=severity) if worsening else max(pending, key=severity)


def _still_beyond(pending: tuple[str, ...], confirmed: str) -> tuple[str, ...]:
    """Return the end of the run that speaks for a change beyond the one just confirmed."""
    beyond: list[str] = []
    for band in reversed(pending):
        if band == confirmed:
            break
        beyond.append(band)
    return tuple(reversed(beyond))
