"""What is asked of a value that a person types, before it becomes one. Pure: no ORM, no clock.

A refusal says what is wrong as a `Problem`; whoever shows it finds the words in the person's language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from statistics import median

from kpis.domain import parsing
from kpis.domain.figures import MARKS
from kpis.domain.parsing import NumberFormat, parse_number, to_storage

SPACES = " \u00a0\u202f"
UNUSUAL = Decimal(6)  # times the usual move from one period to the next
LARGEST_TIMES = Decimal("9999999999.99")
FEWEST_MOVES = 5  # fewer say nothing about what is usual
SLASHES = "/\N{DIVISION SLASH}\N{FRACTION SLASH}\N{DIVISION SIGN}"
# What spreadsheets make of 4/12: 4/12/2026, 04/12, 12-Apr, Apr-12, 12. Apr.
DATE_LIKE = re.compile(
    r"\d+([-./])\d+\1\d+|0\d[-./]\d+|\d+[-./]0\d|\d+[-. ]{1,2}[^\W\d]{3,}\.?[-. ]*\d*|[^\W\d]{3,}\.?[- ]\d+"
)


class Problem(StrEnum):
    """Why a value is not taken."""

    NOT_A_NUMBER = "not_a_number"
    AMBIGUOUS = "ambiguous"
    OTHER_MARK = "other_mark"
    TOO_LARGE = "too_large"
    OUTSIDE = "outside"
    BELOW = "below"
    ABOVE = "above"
    NOT_BEGUN = "not_begun"
    REASON_WANTED = "reason_wanted"
    EMPTIED = "emptied"
    PARTS_WANTED = "parts_wanted"
    DATE_LIKE = "date_like"
    NOTHING_BELOW = "nothing_below"
    DERIVED = "derived"
    UNUSUAL = "unusual"
    EXPLANATION_WANTED = "explanation_wanted"
    APPROVAL_WANTED = "approval_wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualMove:
    """A move from the value before that is many times the usual one."""

    before: Decimal
    move: Decimal
    usual: Decimal

    @property
    def times(self) -> Decimal:
        """How many times the usual move it is, as it is stored with a value that was meant."""
        return min(round(self.move / self.usual, 2), LARGEST_TIMES)


class EntryRefused(ValueError):
    """A value that is not taken; nothing was written. `part` is what is wrong where a text has several numbers."""

    def __init__(
        self,
        problem: Problem,
        *,
        low: Decimal | None = None,
        high: Decimal | None = None,
        move: UnusualMove | None = None,
        part: str = "",
    ) -> None:
        super().__init__(problem.value)
        self.problem, self.low, self.high, self.move, self.part = problem, low, high, move, part


def typed_number(text: str, *, locale: str, percent: bool = False) -> Decimal:
    """Return the number as the person's locale writes it; raise EntryRefused otherwise.

    A single mark before exactly three digits that is not the person's decimal mark is refused as ambiguous, even
    where it is their grouping mark: 1,234 typed for 1.234 would be a thousand times too much. `percent` lets a
    trailing percent sign be read past.
    """
    thousands, decimal = MARKS.get(language_of(locale), MARKS["en"])
    grouping = " " if thousands in SPACES else thousands
    other = "," if decimal == "." else "."
    digits = text.strip().removesuffix("%").strip(f"-\N{MINUS SIGN}{SPACES}")
    if re.fullmatch(rf"[1-9][0-9]{{0,2}}{re.escape(other)}[0-9]{{3}}", digits):
        raise EntryRefused(Problem.AMBIGUOUS)
    if re.fullmatch(rf"0{re.escape(other)}[0-9]+", digits):
        raise EntryRefused(Problem.OTHER_MARK)
    try:
        return parse_number(text, NumberFormat(decimal=decimal, grouping=grouping, percent=percent))
    except parsing.Refused:
        if re.fullmatch(rf"[0-9]*{re.escape(other)}[0-9]+", digits):
            raise EntryRefused(Problem.OTHER_MARK) from None
        raise EntryRefused(Problem.NOT_A_NUMBER) from None


def ungrouped(text: str, *, locale: str) -> str:
    """Return the text without the person's grouping mark in numbers like 1,234, which alone are refused as ambiguous.

    Only for whoever shows what was read before it is stored.
    """
    grouping = MARKS.get(language_of(locale), MARKS["en"])[0]
    if grouping in SPACES:
        return text
    return re.sub(rf"(?<![0-9.,])([1-9][0-9]{{0,2}}){re.escape(grouping)}([0-9]{{3}})(?![0-9.,])", r"\1\2", text)


def typed_parts(text: str, *, locale: str) -> tuple[Decimal, Decimal]:
    """Return numerator and denominator of a ratio typed as 12/400; raise EntryRefused otherwise.

    What may be a date is refused: a spreadsheet makes one of 4/12 by itself. A zero below is a ratio, though of
    nothing: whether it is meant, the caller asks.
    """
    said = text.strip()
    if DATE_LIKE.fullmatch(said):
        raise EntryRefused(Problem.DATE_LIKE)
    parts = re.split(f"[{SLASHES}]", said)
    if len(parts) != 2:
        raise EntryRefused(Problem.PARTS_WANTED)
    numerator, denominator = (_typed_part(part.strip(), locale) for part in parts)
    return numerator, denominator


def _typed_part(text: str, locale: str) -> Decimal:
    try:
        return typed_number(text, locale=locale)
    except EntryRefused as refused:
        raise EntryRefused(refused.problem, part=text) from None


def storable(value: Decimal) -> Decimal:
    """Return the value as it will be stored, with eight decimals, rounded half-even; refuse one that is too large."""
    try:
        return to_storage(value)
    except parsing.Refused:
        raise EntryRefused(Problem.TOO_LARGE) from None


def check_range(value: Decimal, *, minimum: Decimal | None, maximum: Decimal | None) -> None:
    """Refuse a value that this KPI cannot have; the bounds themselves are possible."""
    too_low = minimum is not None and value < minimum
    too_high = maximum is not None and value > maximum
    if not (too_low or too_high):
        return
    if minimum is not None and maximum is not None:
        raise EntryRefused(Problem.OUTSIDE, low=minimum, high=maximum)
    raise EntryRefused(Problem.BELOW if too_low else Problem.ABOVE, low=minimum, high=maximum)


def check_begun(period_start: date, *, today: date) -> None:
    """Refuse a period that has not begun: nobody can know its value."""
    if period_start > today:
        raise EntryRefused(Problem.NOT_BEGUN)


def is_correction(*, state: str, period_end: date, latest_closed_end: date) -> bool:
    """Return whether changing the value would be a correction, which needs a reason.

    `state` is that of the present value, "" where there is none. The open period and the latest closed one are
    still being worked on, and a provisional value is meant to change; what lies further back has been read.
    """
    return state not in ("", "provisional") and period_end < latest_closed_end


def unusual_move(value: Decimal, earlier: Sequence[Decimal], *, factor: Decimal = UNUSUAL) -> UnusualMove | None:
    """Return the move from the latest of `earlier` (oldest first) if it is more than `factor` times the median move.

    Where a KPI mostly stands still, the median is that of the periods in which it moved. None with fewer than five
    moves to compare with, if it never moved, or with a factor of 0, which never asks.
    """
    moves = [abs(b - a) for a, b in pairwise(earlier)]
    if len(moves) < FEWEST_MOVES or not factor:
        return None
    usual = median(moves) or median([step for step in moves if step] or [Decimal(0)])
    move = abs(value - earlier[-1])
    if usual == 0 or move <= factor * usual:
        return None
    return UnusualMove(before=earlier[-1], move=move, usual=usual)


def wants_explanation(score: Decimal | None, *, below: Decimal | None) -> bool:
    """Return whether a value of this score is taken only with an explanation; below 0 there is none, it never is."""
    return score is not None and below is not None and score < below


def typed_text(value: Decimal | None, decimals: int, *, locale: str) -> str:
    """Return the value as a person would type it: every digit it has, at least `decimals` places, no grouping.

    Reading it back with `typed_number` gives the value itself, whatever the locale.
    """
    if value is None:
        return ""
    places = max(decimals, -int(value.normalize().as_tuple().exponent))
    _, decimal = MARKS.get(language_of(locale), MARKS["en"])
    return f"{value:.{places}f}".replace(".", decimal).replace("-", "\N{MINUS SIGN}")


def parts_text(numerator: Decimal, denominator: Decimal, *, locale: str) -> str:
    """Return a ratio as a person would type it: `typed_parts` reads it back."""
    return "/".join(typed_text(part, 0, locale=locale) for part in (numerator, denominator))


def language_of(locale: str) -> str:
    """Return the language of a locale: de for de-AT."""
    return locale.replace("_", "-").split("-")[0].lower()
