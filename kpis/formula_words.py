"""What is wrong with a formula, and what its values are missing, in sentences."""

from __future__ import annotations

from django.utils.translation import gettext as _

from kpis.domain.formula.errors import Expected, FormulaError, Problem
from kpis.domain.formula.parsing import FUNCTIONS, OF_TIME

SHOWN = 40


def sentence(error: FormulaError) -> str:
    """Say where a formula is not taken, why, and what would be."""
    words = {
        "place": error.at + 1,
        "text": error.text if error.problem is Problem.CYCLE else error.text[:SHOWN],
        "more": error.more,
        "expected": _expected(error),
        "names": ", ".join((*FUNCTIONS, *OF_TIME)),
    }
    what = _PROBLEMS[error.problem]() % words
    if error.problem in _WHOLE:
        return what
    return _("Character %(place)s: %(what)s") % {"place": error.at + 1, "what": what}


def no_value(reason: str) -> str:
    """Say in a few words why a derived value is not there."""
    return {
        "missing_input": _("an input is missing"),
        "zero_denominator": _("division by zero"),
        "too_large": _("too large to keep"),
        "no_rollup": _("an input has no roll-up"),
        "not_possible": _("outside of what this KPI can be"),
    }.get(reason, reason)


# These are about the formula as a whole, not about a place in it.
_WHOLE = {Problem.EMPTY, Problem.TOO_LONG, Problem.NO_REFERENCE, Problem.OTHER_UNIT, Problem.CYCLE}
_PROBLEMS = {
    Problem.EMPTY: lambda: _("A derived KPI needs its calculation."),
    Problem.TOO_LONG: lambda: _(
        "A formula has at most %(more)s characters, counted as it is always written: with spaces around its signs."
    ),
    Problem.TOO_DEEP: lambda: _("parentheses are nested more than %(more)s deep."),
    Problem.UNKNOWN_SIGN: lambda: _("“%(text)s” has no meaning here."),
    Problem.UNEXPECTED: lambda: "%(expected)s",
    Problem.LONG_NUMBER: lambda: _("a number has at most %(more)s digits before the point and after it."),
    Problem.COMMA_IN_NUMBER: lambda: _(
        "“%(text)s” can be read in two ways. Write a point for decimals, and a space after a comma between values."
    ),
    Problem.OPEN_REFERENCE: lambda: _("the reference “[%(text)s” is not closed: expected “]”."),
    Problem.BAD_REFERENCE: lambda: _("“[%(text)s]” is no reference: write [CODE] or [CODE@-1]."),
    Problem.BAD_SHIFT: lambda: _(
        "“%(text)s” is no shift: @-1 is the period before, up to @-%(more)s. Later periods can't be referred to."
    ),
    Problem.UNKNOWN_FUNCTION: lambda: _("there is no function “%(text)s”. There are %(names)s."),
    Problem.ARGUMENTS: lambda: _("“%(text)s” does not take %(more)s values."),
    Problem.ONE_KPI_WANTED: lambda: _("“%(text)s” takes one KPI, without a shift, like %(text)s([CODE]…)."),
    Problem.WHOLE_NUMBER_WANTED: lambda: _("“%(text)s” wants a whole number here, %(more)s."),
    Problem.NO_REFERENCE: lambda: _("A calculation refers to at least one KPI, by its code in brackets."),
    Problem.UNKNOWN_KPI: lambda: _("there is no KPI [%(text)s]."),
    Problem.ITSELF: lambda: _("[%(text)s] is this KPI itself."),
    Problem.CYCLE: lambda: _("This would go round in a circle: %(text)s. Nothing was saved."),
    Problem.COARSER: lambda: _("[%(text)s] comes less often than this KPI: it has no value for each of its periods."),
    Problem.OTHER_CALENDAR: lambda: _("[%(text)s] follows another calendar, and its periods don't fit into this one."),
    Problem.NO_ROLLUP: lambda: _("[%(text)s] has no roll-up over time, and here several of its periods come together."),
    Problem.UNITS_DIFFER: lambda: _(
        "%(more)s and %(text)s can't be added or compared. Convert one, by multiplying it with a number."
    ),
    Problem.OTHER_UNIT: lambda: _("The result is in %(text)s, but this KPI is measured in %(more)s."),
}


def _expected(error: FormulaError) -> str:
    kinds = {
        Expected.VALUE: _("a number, a KPI in brackets, a function or “(”"),
        Expected.OPERATOR: _("an operator such as + − × ÷"),
        Expected.CLOSING: _("“)”"),
        Expected.COMMA: _("a comma"),
        Expected.OPENING: _("“(”"),
    }
    wanted = _(" or ").join(kinds[one] for one in error.expected) or _("the end")
    if error.text:
        return _("expected %(wanted)s, found “%(text)s”.") % {"wanted": wanted, "text": error.text[:SHOWN]}
    return _("expected %(wanted)s, but the formula ends.") % {"wanted": wanted}
