"""From the values of several periods or units to one value, with its coverage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value; a ratio keeps its parts, a mean the weight it stands for."""

    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One value for many, with how many of those due were present.

    Reasons for no value: `no_values`, `zero_denominator`, `no_rollup`. Numerator and denominator
    are kept for ratios and weighted means, so that they can be aggregated again.
    """

    value: Decimal | None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    present: int
    due: int
    complete: bool
    reason: str = ""


def ratio(numerator: Decimal, denominator: Decimal, factor: Decimal = ONE) -> tuple[Decimal | None, str]:
    """Return the ratio times `factor` (100 for percent), or None and `zero_denominator`."""
    if denominator == 0:
        return None, "zero_denominator"
    return factor * numerator / denominator, ""


def aggregate(values: Sequence[Value | None], method: str, factor: Decimal = ONE) -> Aggregate:
    """Return the aggregate of `values`, in order; None stands for one that is due and missing.

    What is not applicable or not due does not belong into `values`. `factor` is what a ratio or a
    growth rate is multiplied by in its unit: 100 for percent. A ratio counts as present with its
    parts, even where its own denominator is 0; a weighted value only with its weight. `formula`
    (aggregate the inputs instead) and `none` give no value, reason `no_rollup`.
    """
    due = len(values)
    present = [value for value in values if value is not None and _counts(value, method)]
    numerator = denominator = result = None
    reason = ""
    if method in ("formula", "none"):
        reason = "no_rollup"
    elif not present:
        reason = "no_values"
    elif method == "ratio_of_sums":
        numerator = sum((value.numerator or ZERO for value in present), ZERO)
        denominator = sum((value.denominator or ZERO for value in present), ZERO)
        result, reason = ratio(numerator, denominator, factor)
    elif method == "weighted_average":
        numerator = sum(((value.value or ZERO) * (value.weight or ZERO) for value in present), ZERO)
        denominator = sum((value.weight or ZERO for value in present), ZERO)
        result, reason = ratio(numerator, denominator)
    elif method == "compounded":
        result = _compounded(_numbers(present), factor)
    else:
        result = _PLAIN[method](_numbers(present))
    return Aggregate(
        value=result,
        numerator=numerator,
        denominator=denominator,
        present=len(present),
        due=due,
        complete=len(present) == due and due > 0,
        reason=reason,
    )


def _counts(value: Value, method: str) -> bool:
    if method == "ratio_of_sums":
        return value.numerator is not None and value.denominator is not None
    if method == "weighted_average":
        return value.value is not None and value.weight is not None
    return value.value is not None


def _numbers(present: Sequence[Value]) -> list[Decimal]:
    return [value.value for value in present if value.value is not None]


def _compounded(rates: Sequence[Decimal], factor: Decimal) -> Decimal:
    grown = ONE
    for rate in rates:
        grown *= ONE + rate / factor
    return (grown - ONE) * factor


def _total(numbers: Sequence[Decimal]) -> Decimal:
    return sum(numbers, ZERO)


# `last` over a trailing gap is the last reported value: the gap shows in the coverage.
_PLAIN: dict[str, Callable[[Sequence[Decimal]], Decimal]] = {
    "sum": _total,
    "average": lambda numbers: _total(numbers) / len(numbers),
    "last": lambda numbers: numbers[-1],
    "first": lambda numbers: numbers[0],
    "min": min,
    "max": max,
    "median": median,
    "count": lambda numbers: Decimal(len(numbers)),
}
