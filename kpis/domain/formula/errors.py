"""Why a formula is not taken, and where. Whoever shows it finds the words in the person's language."""

from __future__ import annotations

from enum import StrEnum


class Problem(StrEnum):
    """What is wrong with a formula."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    TOO_DEEP = "too_deep"
    UNKNOWN_SIGN = "unknown_sign"
    UNEXPECTED = "unexpected"
    LONG_NUMBER = "long_number"
    COMMA_IN_NUMBER = "comma_in_number"
    OPEN_REFERENCE = "open_reference"
    BAD_REFERENCE = "bad_reference"
    BAD_SHIFT = "bad_shift"
    UNKNOWN_FUNCTION = "unknown_function"
    ARGUMENTS = "arguments"
    ONE_KPI_WANTED = "one_kpi_wanted"
    WHOLE_NUMBER_WANTED = "whole_number_wanted"
    NO_REFERENCE = "no_reference"
    # what can only be said knowing the KPIs
    UNKNOWN_KPI = "unknown_kpi"
    ITSELF = "itself"
    CYCLE = "cycle"
    COARSER = "coarser"
    OTHER_CALENDAR = "other_calendar"
    NO_ROLLUP = "no_rollup"
    UNITS_DIFFER = "units_differ"
    OTHER_UNIT = "other_unit"


class Expected(StrEnum):
    """What could have stood at a place."""

    VALUE = "value"
    OPERATOR = "operator"
    CLOSING = "closing"
    COMMA = "comma"
    OPENING = "opening"


class FormulaError(ValueError):
    """A formula that is not taken: what is wrong, at which character (from 0), and what was expected there.

    `text` is what stands there, `more` what else the sentence about it needs.
    """

    def __init__(
        self, problem: Problem, at: int, *, text: str = "", expected: tuple[Expected, ...] = (), more: str = ""
    ) -> None:
        super().__init__(f"{problem} at {at}: {text[:40]!r}")
        self.problem, self.at, self.text, self.expected, self.more = problem, at, text, expected, more
