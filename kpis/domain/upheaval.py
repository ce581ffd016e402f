"""What rows may not do to many values at once unless somebody says that it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from kpis.domain.sentences import Part, Sentence, ngettext_noop
from kpis.domain.sentences import gettext_noop as _

# So many times larger or smaller is another unit rather than another month.
TIMES = Decimal(100)
AT_LEAST = 3
# So many values of one KPI say of what magnitude it is.
KNOWN_FROM, LOOKED_AT = 6, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Overturned:
    """How many values of a KPI that stood would become 0, and how many another order of magnitude."""

    kpi_id: int
    name: str
    emptied: int
    scaled: int


def why_upheaval(found: Sequence[Overturned], brought: Mapping[int, int]) -> list[Sentence]:
    """Return what many values that stand would become; `brought` is how many values of each KPI there are.

    It counts where it is half of what the rows bring, or half of what they bring for one KPI.
    """
    said = []
    for kind, text in (("emptied", _EMPTIED), ("scaled", _SCALED)):
        hit = [(getattr(one, kind), one) for one in found if getattr(one, kind)]
        total = sum(count for count, _one in hit)
        alone = [(count, one) for count, one in hit if is_much(count, brought.get(one.kpi_id, 0))]
        if is_much(total, sum(brought.values())) or alone:
            _most, worst = max(alone or hit, key=lambda pair: pair[0])
            said.append(Sentence(text, {"count": total, "kpi": worst.name}))
    return said


def why_another_unit(pairs: Sequence[tuple[str, Decimal, Decimal]]) -> Sentence | None:
    """Return that many KPIs leap from their last value to the next; each is a name, the last value and the next."""
    leaps = [name for name, last, following in pairs if is_another_magnitude(last, following)]
    if not is_much(len(leaps), len(pairs)):
        return None
    parts: dict[str, Part] = {"found": len(leaps), "all": len(pairs), "kpi": leaps[0]}
    return Sentence(_LEAP, parts)


def why_unlike(name: str, values: Sequence[Decimal], following: Decimal) -> Sentence | None:
    """Return that a value is a hundred times more or less than each of the last ones of its KPI, zeros aside.

    One value alone may be a steep month where a KPI leaps at times; where it never did, it is another unit or a slip.
    """
    sizes = [abs(value) for value in values if value]
    if len(sizes) < KNOWN_FROM or not all(is_another_magnitude(size, following) for size in (min(sizes), max(sizes))):
        return None
    if min(sizes) < abs(following) < max(sizes):
        return None
    return Sentence(_UNLIKE, {"kpi": name})


def why_less(day: date, *, count: int, ends: bool) -> Sentence:
    """Return that values of whole periods would be of a part only."""
    return Sentence(_ENDS if ends else _BEGINS, {"day": day, "count": count})


def is_another_magnitude(one: Decimal, other: Decimal) -> bool:
    """Return whether one value is a hundred times the other; 0 is of no magnitude."""
    low, high = sorted((abs(one), abs(other)))
    return low > 0 and high >= TIMES * low


def is_much(found: int, of: int) -> bool:
    """Return whether so many are more than chance."""
    return found >= AT_LEAST and 2 * found >= of


_EMPTIED = _("%(count)s values that stand would become 0, of “%(kpi)s” among others: are the rows named as before?")
_SCALED = _(
    "%(count)s values that stand would be a hundred times larger or smaller, of “%(kpi)s” among others:"
    " is it another unit?"
)
_LEAP = _(
    "%(found)s of %(all)s KPIs would leap to a hundred times more or less than their last value, “%(kpi)s” among them:"
    " is it another unit?"
)
_UNLIKE = _(
    "“%(kpi)s” would leap to a hundred times more or less than any of its last values: is it another unit, or a slip?"
)
_ENDS = ngettext_noop(
    "The rows end on %(day)s, so %(count)s value of a whole period that stands would be of a part only.",
    "The rows end on %(day)s, so %(count)s values of whole periods that stand would be of a part only.",
)
_BEGINS = ngettext_noop(
    "The rows begin on %(day)s, so %(count)s value of a whole period that stands would be of a part only.",
    "The rows begin on %(day)s, so %(count)s values of whole periods that stand would be of a part only.",
)
