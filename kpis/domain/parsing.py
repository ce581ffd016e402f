"""Numbers and days as they stand in files. What the mapping does not declare is refused."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from kpis.domain.periods import FIRST_YEAR, LAST_YEAR

LONGEST_NUMBER = 64
MINUS = "\N{MINUS SIGN}"
GROUPINGS = ("", ",", ".", " ", "'", "\N{RIGHT SINGLE QUOTATION MARK}")
_SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
# numeric(28, 8): eight places, twenty digits before them.
PLACES = Decimal("1E-8")
TOO_LARGE = Decimal("1E20")
_EXACT = Context(prec=40)


class Refused(ValueError):
    """A text or number that is not taken; the message is a sentence for whoever sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """How numbers are written in a file.

    A grouping of " " stands for the no-break spaces too. With `percent` a trailing percent sign is
    read past: 12.5 % is 12.5, the unit says the rest. With `accounting` (12) is -12.
    """

    decimal: str = "."
    grouping: str = ""
    percent: bool = False
    accounting: bool = False

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise ValueError("The decimal mark is a point or a comma.")
        if self.grouping not in GROUPINGS:
            raise ValueError("Digits are grouped by comma, point, space, apostrophe, or not at all.")
        if self.grouping == self.decimal:
            raise ValueError("The decimal mark and the grouping mark must differ.")


def parse_number(text: str, fmt: NumberFormat) -> Decimal:
    """Return the number exactly as written, or raise Refused with the reason."""
    body = text.strip()
    if not body:
        raise Refused("There is no number.")
    if len(body) > LONGEST_NUMBER:
        raise Refused(f"A number of more than {LONGEST_NUMBER} characters is refused.")
    body, negative = _without_sign(body, text, fmt)
    if body.endswith("%"):
        if not fmt.percent:
            raise Refused(f"{text!r} has a percent sign, which the mapping does not declare.")
        body = body[:-1].rstrip(_SPACES)
    if fmt.grouping:
        body = _ungrouped(body, text, fmt)
    whole, mark, part = body.partition(fmt.decimal)
    if not re.fullmatch(r"[0-9]*", whole) or not re.fullmatch(r"[0-9]+" if mark else "", part):
        raise Refused(_why_no_number(text, fmt))
    if not whole and not part:
        raise Refused(_why_no_number(text, fmt))
    number = Decimal(f"{whole or 0}.{part or 0}") if mark else Decimal(whole)
    # copy_negate would make a zero negative, and arithmetic could round.
    return number.copy_negate() if negative and number else number


def parse_day(text: str, pattern: str) -> date:
    """Return the day written as `pattern` (strptime) says, or raise Refused with the reason.

    A pattern with a time zone is refused: which day a moment belongs to depends on where one is.
    """
    if "%z" in pattern or "%Z" in pattern:
        raise ValueError("A day is read without a time zone; convert the moment to a day at its source.")
    body = text.strip()
    if not body.isascii():
        raise Refused(f"{text!r} is not a day: only Latin letters and digits are read.")
    try:
        day = datetime.strptime(body, pattern).date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise Refused(f"{text!r} is not a day written as {pattern}.") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Refused(f"The year of {text!r} is not between {FIRST_YEAR} and {LAST_YEAR}.")
    return day


def to_storage(value: Decimal) -> Decimal:
    """Return the value with eight decimals, rounded half-even; raise Refused if it cannot be stored."""
    # Most have their places already, and there may be a million of them.
    if value and value.same_quantum(PLACES) and -TOO_LARGE < value < TOO_LARGE:
        return value
    if not value.is_finite():
        raise Refused("Only finite numbers are values.")
    # copy_abs, since abs would round to the context before the comparison.
    if value.copy_abs() < TOO_LARGE:
        stored = value.quantize(PLACES, ROUND_HALF_EVEN, _EXACT)
        if stored.copy_abs() < TOO_LARGE:
            return stored if stored else stored.copy_abs()
    raise Refused("A value has at most 20 digits before the decimal mark.")


def _without_sign(body: str, text: str, fmt: NumberFormat) -> tuple[str, bool]:
    if body.startswith("(") and body.endswith(")"):
        if not fmt.accounting:
            raise Refused(f"{text!r} is in parentheses, which the mapping does not declare.")
        return body[1:-1].strip(), True
    if body[0] in ("-", MINUS):
        return body[1:], True
    return body, False


def _ungrouped(body: str, text: str, fmt: NumberFormat) -> str:
    """Return the digits without grouping; groups are of three, and none after the decimal mark."""
    mark = f"[{_SPACES}]" if fmt.grouping == " " else re.escape(fmt.grouping)
    whole, decimal, part = body.partition(fmt.decimal)
    if not re.search(mark, body):
        return body
    if not re.fullmatch(rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+", whole) or re.search(mark, part):
        raise Refused(f"The digits of {text!r} are not grouped in threes.")
    return re.sub(mark, "", whole) + decimal + part


def _why_no_number(text: str, fmt: NumberFormat) -> str:
    other = "," if fmt.decimal == "." else "."
    if other in text and fmt.grouping != other:
        return f"{text!r} has a mark the mapping does not declare: decimals follow {fmt.decimal!r}."
    return f"{text!r} is not a number."
