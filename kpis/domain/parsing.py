"""Numbers and days as they stand in files. What the mapping does not declare is refused."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

from kpis.domain.days import FIRST_YEAR, LAST_YEAR
from kpis.domain.month_names import in_english
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _

LONGEST_NUMBER = 64
QUARTERS = 4
MINUS = "\N{MINUS SIGN}"
GROUPINGS = ("", ",", ".", " ", "'", "\N{RIGHT SINGLE QUOTATION MARK}")
SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
# numeric(28, 8): eight places, twenty digits before them.
PLACES = Decimal("1E-8")
TOO_LARGE = Decimal("1E20")
_EXACT = Context(prec=40)


class Refused(ValueError):
    """A text or number that is not taken; the sentence is for whoever sent it."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


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
            raise Refused(Sentence(_("The decimal mark is a point or a comma.")))
        if self.grouping not in GROUPINGS:
            raise Refused(Sentence(_("Digits are grouped by comma, point, space, apostrophe, or not at all.")))
        if self.grouping == self.decimal:
            raise Refused(Sentence(_("The decimal mark and the grouping mark must differ.")))


def parse_number(text: str, fmt: NumberFormat) -> Decimal:
    """Return the number exactly as written, or raise Refused with the reason."""
    body = text.strip()
    if not body:
        raise Refused(Sentence(_("There is no number.")))
    if len(body) > LONGEST_NUMBER:
        raise Refused(Sentence(_("A number of more than %(most)s characters is refused."), {"most": LONGEST_NUMBER}))
    body, negative = _without_sign(body, text, fmt)
    if body.endswith("%"):
        if not fmt.percent:
            says = _("%(text)s has a percent sign, which the mapping does not declare.")
            raise Refused(Sentence(says, {"text": repr(text)}))
        body = body[:-1].rstrip(SPACES)
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

    Names of months may be of other languages, a week without a weekday is its Monday, and %q is the quarter of a
    calendar year. A pattern with a time zone is refused: which day a moment belongs to depends on where one is.
    """
    if "%z" in pattern or "%Z" in pattern:
        raise ValueError("A day is read without a time zone; convert the moment to a day at its source.")
    body = text.strip()
    if "%b" in pattern or "%B" in pattern:
        body = in_english(body, short="%b" in pattern)
    if not body.isascii():
        says = _("%(text)s is not a day: only English letters, names of months and digits are read.")
        raise Refused(Sentence(says, {"text": repr(text)}))
    try:
        day = _day_as(body, pattern)
    except ValueError:
        says = _("%(text)s is not a day written as %(pattern)s.")
        raise Refused(Sentence(says, {"text": repr(text), "pattern": pattern})) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        says = _("The year of %(text)s is not between %(first)s and %(last)s.")
        raise Refused(Sentence(says, {"text": repr(text), "first": str(FIRST_YEAR), "last": str(LAST_YEAR)}))
    return day


def _day_as(body: str, pattern: str) -> date:
    if "%V" in pattern and not re.search("%[uwaA]", pattern):
        body, pattern = f"{body} 1", f"{pattern} %u"
    day = datetime.strptime(body, pattern.replace("%q", "%m")).date()  # noqa: DTZ007 (a day has no zone)
    if "%q" not in pattern:
        return day
    if day.month > QUARTERS:
        raise ValueError(body)
    return day.replace(month=3 * day.month - 2)


def is_stored(value: Decimal) -> bool:
    """Return whether the value has its eight decimals already; there may be a million of them."""
    return bool(value) and value.same_quantum(PLACES) and -TOO_LARGE < value < TOO_LARGE


def to_storage(value: Decimal) -> Decimal:
    """Return the value with eight decimals, rounded half-even; raise Refused if it cannot be stored."""
    if is_stored(value):
        return value
    if not value.is_finite():
        raise Refused(Sentence(_("Only finite numbers are values.")))
    # copy_abs, since abs would round to the context before the comparison.
    if value.copy_abs() < TOO_LARGE:
        stored = value.quantize(PLACES, ROUND_HALF_EVEN, _EXACT)
        if stored.copy_abs() < TOO_LARGE:
            return stored if stored else stored.copy_abs()
    raise Refused(Sentence(_("A value has at most 20 digits before the decimal mark.")))


def _without_sign(body: str, text: str, fmt: NumberFormat) -> tuple[str, bool]:
    if body.startswith("(") and body.endswith(")"):
        if not fmt.accounting:
            says = _("%(text)s is in parentheses, which the mapping does not declare.")
            raise Refused(Sentence(says, {"text": repr(text)}))
        return body[1:-1].strip(), True
    if body[0] in ("-", MINUS):
        return body[1:], True
    return body, False


def _ungrouped(body: str, text: str, fmt: NumberFormat) -> str:
    """Return the digits without grouping; groups are of three, and none after the decimal mark."""
    mark = f"[{SPACES}]" if fmt.grouping == " " else re.escape(fmt.grouping)
    whole, decimal, part = body.partition(fmt.decimal)
    if not re.search(mark, body):
        return body
    if not re.fullmatch(rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+", whole) or re.search(mark, part):
        raise Refused(Sentence(_("The digits of %(text)s are not grouped in threes."), {"text": repr(text)}))
    return re.sub(mark, "", whole) + decimal + part


def _why_no_number(text: str, fmt: NumberFormat) -> Sentence:
    other = "," if fmt.decimal == "." else "."
    if other in text and fmt.grouping != other:
        says = _("%(text)s has a mark the mapping does not declare: decimals follow %(mark)s.")
        return Sentence(says, {"text": repr(text), "mark": repr(fmt.decimal)})
    return Sentence(_("%(text)s is not a number."), {"text": repr(text)})
