"""What the rows of a source must keep to, and what follows when they don't.

Whole columns are looked at where pandas is at hand; what their counts and sums mean is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from kpis.domain.figures import day, plain

type Kind = Literal["type", "range", "filled", "unique", "rising", "allowed", "rows", "total", "fresh"]
type Severity = Literal["refuse", "hold"]

# Rows that break a rule are left out and named. With more than this share of them something else is wrong.
REFUSED_SHARE_AT_MOST = Decimal("0.2")
NAMED_AT_MOST = 3
SENTENCE_AT_MOST = 300
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: about every row of a source, or with `kpi_id` about those of one of its KPIs.

    `columns` are what it is about, a total may be of no column: then rows are counted. Bounds are of the value for a
    range, percents of the usual number for rows, days for a fresh one. A total agrees with `control_column` day by
    day, or with the KPI `control_kpi_id` period by period, but for `tolerance` percent of the control.
    """

    kind: Kind
    severity: Severity
    columns: tuple[str, ...] = ()
    value_type: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    allowed: tuple[str, ...] = ()
    control_column: str = ""
    control_kpi_id: int | None = None
    tolerance: Decimal = Decimal(0)
    kpi_id: int | None = None
    pk: int | None = None

    @property
    def about(self) -> str:
        """The columns it is about, as a sentence begins with them."""
        return ", ".join(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the rows of a fetch kept a rule: how many were looked at, how many broke it, in a sentence."""

    rule: Rule
    checked: int
    broken: int
    says: str

    @property
    def is_kept(self) -> bool:
        return not self.broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Totalled:
    """The rows of one day or period summed up, and what they should come to."""

    name: str
    found: Decimal
    control: Decimal


def rule_words(rule: Rule) -> str:
    """Say what a row must keep to, like “dep_delay lies between -60 and 1440”."""
    match rule.kind:
        case "type":
            noun = {"whole": "a whole number", "day": "a day written as 2026-11-22"}.get(rule.value_type, "a number")
            return f"{rule.about} is {noun}"
        case "range":
            return f"{rule.about} {_between(rule.low, rule.high)}"
        case "filled":
            return f"{rule.about} is filled in"
        case "unique":
            return f"{rule.about} {'comes' if len(rule.columns) == 1 else 'together come'} once"
        case "rising":
            return f"{rule.about} never falls from one row to the next"
        case _:
            return f"{rule.about} is one of {', '.join(rule.allowed)}"


def rows_outcome(rule: Rule, *, broken: int, checked: int) -> Outcome:
    """Return how single rows kept a rule."""
    words = rule_words(rule)
    if not broken:
        says = f"{words}: all {checked:,} rows."
    else:
        did = "refused" if rule.severity == "refuse" else "found"
        says = f"{words}: {broken:,} of {checked:,} rows are not so and were {did}."
    return Outcome(rule=rule, checked=checked, broken=broken, says=says[:SENTENCE_AT_MOST])


def count_outcome(rule: Rule, *, rows_a_day: int, usual: int) -> Outcome | None:
    """Return whether there are as many rows a day as usual; None before anything is usual."""
    if not usual:
        return None
    percent = Decimal(rows_a_day) * HUNDRED / usual
    is_broken = _outside(percent, rule.low, rule.high)
    says = f"There were {rows_a_day:,} rows a day, {percent:.0f} % of the usual {usual:,}"
    says += f"; agreed is {_percents(rule.low, rule.high)}." if is_broken else "."
    return Outcome(rule=rule, checked=1, broken=int(is_broken), says=says)


def age_outcome(rule: Rule, *, newest: date | None, until: date) -> Outcome:
    """Return whether the newest row is young enough on the day `until`, which itself is not asked for."""
    if newest is None:
        return Outcome(rule=rule, checked=1, broken=1, says="There is no row, so none is new enough.")
    age = (until - newest).days
    is_broken = rule.high is not None and age > rule.high
    says = f"The newest row is of {day(newest)}, {age} {'day' if age == 1 else 'days'} before the pull"
    says += f"; agreed are {plain(rule.high)} at most." if is_broken and rule.high is not None else "."
    return Outcome(rule=rule, checked=1, broken=int(is_broken), says=says)


def total_outcome(rule: Rule, totals: Sequence[Totalled]) -> Outcome | None:
    """Return whether the rows come to their control totals; None where there is none to compare with."""
    if not totals:
        return None
    off = [one for one in totals if not agrees(one.found, one.control, rule.tolerance)]
    what = f"The sum of {rule.about}" if rule.columns else "The number of rows"
    if not off:
        says = f"{what} agrees with the control total {len(totals):,} of {len(totals):,} times."
    else:
        named = "; ".join(f"{one.name}: {plain(one.found)}, not {plain(one.control)}" for one in off[:NAMED_AT_MOST])
        more = f"; and {len(off) - NAMED_AT_MOST:,} more" if len(off) > NAMED_AT_MOST else ""
        says = f"{what} differs from the control total {len(off):,} of {len(totals):,} times ({named}{more})."
    return Outcome(rule=rule, checked=len(totals), broken=len(off), says=says[:SENTENCE_AT_MOST])


def agrees(found: Decimal, control: Decimal, tolerance: Decimal) -> bool:
    """Return whether a sum comes to its control total, but for `tolerance` percent of that."""
    return abs(found - control) * HUNDRED <= abs(control) * tolerance


def why_held(outcomes: Sequence[Outcome], *, refused: int, checked: int) -> str:
    """Return why a person should look at a fetch before it counts, or nothing."""
    said = [one.says for one in outcomes if one.rule.severity == "hold" and not one.is_kept]
    if checked and Decimal(refused) / checked > REFUSED_SHARE_AT_MOST:
        share = f"{REFUSED_SHARE_AT_MOST * HUNDRED:.0f} %"
        said.append(f"The rules refused {refused:,} of {checked:,} rows, more than {share}.")
    return " ".join(said)


def reconciled(outcomes: Sequence[Outcome]) -> bool | None:
    """Return whether every control total agreed; None where there was none."""
    totals = [one.is_kept for one in outcomes if one.rule.kind == "total"]
    return all(totals) if totals else None


def _outside(value: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _between(low: Decimal | None, high: Decimal | None) -> str:
    if low is not None and high is not None:
        return f"lies between {plain(low)} and {plain(high)}"
    return f"is at least {plain(low)}" if low is not None else f"is at most {plain(high or Decimal(0))}"


def _percents(low: Decimal | None, high: Decimal | None) -> str:
    if low is not None and high is not None:
        return f"{plain(low)} to {plain(high)} %"
    return f"at least {plain(low)} %" if low is not None else f"at most {plain(high or Decimal(0))} %"
