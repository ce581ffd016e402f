"""One page of a long list, continued from a row: nothing is skipped or shown twice when rows are added meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice[Row]:
    """The rows of a page, and the row after which the next one goes on, "" at the end of the list."""

    rows: list[Row]
    after: str


def slice_of[Row: Model](rows: QuerySet[Row], *, order: Sequence[str], after: str, size: int) -> Slice[Row]:
    """Return `size` rows in `order`, the last column of which is unique, from below row `after`.

    `order` names columns as Django does: “-opened_at” descends. None of them may be empty. A row that is not in
    the list, by a mistyped or old address, starts the list from its top.
    """
    rows = rows.order_by(*order)
    if after:
        rows = rows.filter(_below(rows, order, after))
    found = list(rows[: size + 1])
    more = len(found) > size
    return Slice(rows=found[:size], after=str(found[size - 1].pk) if more else "")


def _below(rows: QuerySet[Any], order: Sequence[str], after: str) -> Q:
    try:
        last = rows.filter(pk=after).values_list(*(column.lstrip("-") for column in order)).first()
    except (ValueError, ValidationError):
        last = None
    if last is None:
        return Q()
    condition, same = Q(pk__in=[]), Q()
    for column, value in zip(order, last, strict=True):
        name = column.lstrip("-")
        condition |= same & Q(**{f"{name}__lt" if column.startswith("-") else f"{name}__gt": value})
        same &= Q(**{name: value})
    return condition
