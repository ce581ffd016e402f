"""What the rows of a source must keep to, and what follows when they don't.

Whole columns are looked at where pandas is at hand; what their counts and sums mean is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from kpis.domain.sentences import Part, Sentence, joined, ngettext_noop
from kpis.domain.sentences import gettext_noop as _

type Kind = Literal["type", "range", "filled", "unique", "rising", "allowed", "rows", "total", "fresh"]
type Severity = Literal["refuse", "hold"]

# Rows that break a rule are left out and named. With more than this share of them something else is wrong.
REFUSED_SHARE_AT_MOST = Decimal("0.2")
NAMED_AT_MOST = 3
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
    says: Sentence

    @property
    def is_kept(self) -> bool:
        return not self.broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Totalled:
    """The rows of one day or period summed up, by its day or key, and what they should come to."""

    name: str | date
    found: Decimal
    control: Decimal


def rule_words(rule: Rule) -> Sentence:
    """Say what a row must keep to, like “dep_delay lies between -60 and 1440”."""
    about: dict[str, Part] = {"columns": rule.about, "list": ", ".join(rule.allowed)}
    match rule.kind:
        case "type":
            return Sentence(_TYPES.get(rule.value_type, _TYPES["number"]), about)
        case "range":
            return Sentence(_RANGES[rule.low is not None, rule.high is not None], about | _bounds(rule))
        case "filled":
            return Sentence(_("%(columns)s is filled in"), about)
        case "unique":
            once = _("%(columns)s comes once") if len(rule.columns) == 1 else _("%(columns)s together come once")
            return Sentence(once, about)
        case "rising":
            return Sentence(_("%(columns)s never falls from one row to the next"), about)
        case _other:
            return Sentence(_("%(columns)s is one of %(list)s"), about)


def rows_outcome(rule: Rule, *, broken: int, checked: int, cells: Part = "") -> Outcome:
    """Return how single rows kept a rule; `cells` are some that did not, where no row is named by itself."""
    parts: dict[str, Part] = {"rule": rule_words(rule), "broken": broken, "all": checked}
    if not broken:
        says = Sentence(_("%(rule)s: all %(all)s rows."), parts)
    elif rule.severity == "refuse":
        says = Sentence(_("%(rule)s: %(broken)s of %(all)s rows are not so and were refused."), parts)
    elif cells:
        says = Sentence(_("%(rule)s: %(broken)s of %(all)s rows are not so, like %(cells)s."), parts | {"cells": cells})
    else:
        says = Sentence(_("%(rule)s: %(broken)s of %(all)s rows are not so."), parts)
    return Outcome(rule=rule, checked=checked, broken=broken, says=says)


def count_outcome(rule: Rule, *, rows_a_day: int, usual: int) -> Outcome | None:
    """Return whether there are as many rows a day as usual; None before anything is usual."""
    if not usual:
        return None
    percent = Decimal(rows_a_day) * HUNDRED / usual
    is_broken = _outside(percent, rule.low, rule.high)
    parts: dict[str, Part] = {"rows": rows_a_day, "percent": percent.quantize(Decimal(1)), "usual": usual}
    text = _AGREED[rule.low is not None, rule.high is not None] if is_broken else _AS_MANY
    return Outcome(rule=rule, checked=1, broken=int(is_broken), says=Sentence(text, parts | _bounds(rule)))


def age_outcome(rule: Rule, *, newest: date | None, until: date) -> Outcome:
    """Return whether the newest row is young enough on the day `until`, which itself is not asked for."""
    if newest is None:
        return Outcome(rule=rule, checked=1, broken=1, says=Sentence(_("There is no row, so none is new enough.")))
    age = (until - newest).days
    is_broken = rule.high is not None and age > rule.high
    parts: dict[str, Part] = {"day": newest, "count": age}
    return Outcome(
        rule=rule,
        checked=1,
        broken=int(is_broken),
        says=Sentence(_TOO_OLD if is_broken else _NEWEST, parts | _bounds(rule)),
    )


def total_outcome(rule: Rule, totals: Sequence[Totalled]) -> Outcome | None:
    """Return whether the rows come to their control totals; None where there is none to compare with."""
    if not totals:
        return None
    off = [one for one in totals if not agrees(one.found, one.control, rule.tolerance)]
    what = (
        Sentence(_("The sum of %(columns)s"), {"columns": rule.about})
        if rule.columns
        else Sentence(_("The number of rows"))
    )
    parts: dict[str, Part] = {"what": what, "off": len(off), "all": len(totals)}
    if not off:
        says = Sentence(_("%(what)s agrees with the control total %(all)s of %(all)s times."), parts)
    else:
        text = _("%(what)s differs from the control total %(off)s of %(all)s times (%(named)s).")
        says = Sentence(text, parts | {"named": _named(off)})
    return Outcome(rule=rule, checked=len(totals), broken=len(off), says=says)


def agrees(found: Decimal, control: Decimal, tolerance: Decimal) -> bool:
    """Return whether a sum comes to its control total, but for `tolerance` percent of that."""
    return abs(found - control) * HUNDRED <= abs(control) * tolerance


def why_held(outcomes: Sequence[Outcome], *, refused: int, checked: int) -> list[Sentence]:
    """Return the reasons why a person should look at a fetch before it counts."""
    said = [one.says for one in outcomes if one.rule.severity == "hold" and not one.is_kept]
    if checked and Decimal(refused) / checked > REFUSED_SHARE_AT_MOST:
        text = _("The rules refused %(refused)s of %(all)s rows, more than %(most)s %%.")
        most = int(REFUSED_SHARE_AT_MOST * HUNDRED)
        said.append(Sentence(text, {"refused": refused, "all": checked, "most": most}))
    return said


def reconciled(outcomes: Sequence[Outcome]) -> bool | None:
    """Return whether every control total agreed; None where there was none."""
    totals = [one.is_kept for one in outcomes if one.rule.kind == "total"]
    return all(totals) if totals else None


def _outside(value: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _bounds(rule: Rule) -> dict[str, Part]:
    return {name: bound for name, bound in (("low", rule.low), ("high", rule.high)) if bound is not None}


def _named(off: Sequence[Totalled]) -> Sentence:
    text = _("%(name)s: %(found)s, not %(control)s")
    said = [
        Sentence(text, {"name": one.name, "found": one.found, "control": one.control}) for one in off[:NAMED_AT_MOST]
    ]
    if len(off) > NAMED_AT_MOST:
        said.append(Sentence(_("and %(more)s more"), {"more": len(off) - NAMED_AT_MOST}))
    return joined(said, by="; ")


_TYPES = {
    "number": _("%(columns)s is a number"),
    "whole": _("%(columns)s is a whole number"),
    "day": _("%(columns)s is a day written as 2026-11-22"),
}
# By whether there is a lower and an upper bound.
_RANGES = {
    (True, True): _("%(columns)s lies between %(low)s and %(high)s"),
    (True, False): _("%(columns)s is at least %(low)s"),
    (False, True): _("%(columns)s is at most %(high)s"),
}
_AS_MANY = _("There were %(rows)s rows a day, %(percent)s %% of the usual %(usual)s.")
_AGREED = {
    (True, True): _(
        "There were %(rows)s rows a day, %(percent)s %% of the usual %(usual)s; agreed is %(low)s to %(high)s %%."
    ),
    (True, False): _(
        "There were %(rows)s rows a day, %(percent)s %% of the usual %(usual)s; agreed is at least %(low)s %%."
    ),
    (False, True): _(
        "There were %(rows)s rows a day, %(percent)s %% of the usual %(usual)s; agreed is at most %(high)s %%."
    ),
}
_NEWEST = ngettext_noop(
    "The newest row is of %(day)s, %(count)s day before the pull.",
    "The newest row is of %(day)s, %(count)s days before the pull.",
)
_TOO_OLD = ngettext_noop(
    "The newest row is of %(day)s, %(count)s day before the pull; agreed are %(high)s at most.",
    "The newest row is of %(day)s, %(count)s days before the pull; agreed are %(high)s at most.",
)
