"""From the text of a formula to its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kpis.domain.formula.errors import FormulaError, Problem

LONGEST = 2000
LONGEST_NUMBER = 20  # digits before the point, and after it
MOST_BACK = 1000
MINUS = "\N{MINUS SIGN}"

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NAME = re.compile(r"[A-Za-z_]+")
_REFERENCE = re.compile(r"\[\s*([A-Za-z0-9][A-Za-z0-9-]*)\s*(@[^\]]*)?\]")
_SHIFT = re.compile(rf"@\s*[-{MINUS}]\s*([0-9]{{1,4}})\s*")
_SIGNS = re.compile(r"<=|>=|<>|!=|==|[-+*/×÷−<>=≤≥≠(),]")
# Every sign has one way in which it is printed.
CANONICAL = {"*": "×", "/": "÷", "-": MINUS, "<=": "≤", ">=": "≥", "<>": "≠", "!=": "≠", "==": "="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word of a formula. `kind` is number, reference, name, the sign itself, or end; `back` is a shift."""

    kind: str
    text: str
    at: int
    back: int = 0


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of a formula, last the end. Raises FormulaError."""
    if len(text) > LONGEST:
        raise FormulaError(Problem.TOO_LONG, LONGEST, more=str(LONGEST))
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        token, at = _token(text, at)
        yield token
    yield Token(kind="end", text="", at=len(text))


def _token(text: str, at: int) -> tuple[Token, int]:
    if text[at] == "[":
        return _reference(text, at)
    if found := _NUMBER.match(text, at):
        return _number(text, found), found.end()
    if found := _NAME.match(text, at):
        return Token(kind="name", text=found[0].lower(), at=at), found.end()
    if found := _SIGNS.match(text, at):
        sign = CANONICAL.get(found[0], found[0])
        return Token(kind=sign, text=found[0], at=at), found.end()
    raise FormulaError(Problem.UNKNOWN_SIGN, at, text=text[at])


def _number(text: str, found: re.Match[str]) -> Token:
    whole, _point, part = found[0].partition(".")
    if len(whole) > LONGEST_NUMBER or len(part) > LONGEST_NUMBER:
        raise FormulaError(Problem.LONG_NUMBER, found.start(), text=found[0], more=str(LONGEST_NUMBER))
    rest = text[found.end() : found.end() + 2]
    # Between the arguments of a function, 1,5 could be one number or two.
    if len(rest) == 2 and rest[0] == "," and rest[1].isdecimal():
        raise FormulaError(Problem.COMMA_IN_NUMBER, found.end(), text=f"{found[0]}{rest}")
    return Token(kind="number", text=found[0], at=found.start())


def _reference(text: str, at: int) -> tuple[Token, int]:
    found = _REFERENCE.match(text, at)
    if found is None:
        end = text.find("]", at)
        inside = text[at + 1 :] if end < 0 else text[at + 1 : end]
        problem = Problem.OPEN_REFERENCE if end < 0 else Problem.BAD_REFERENCE
        raise FormulaError(problem, at, text=inside.strip())
    back = 0
    if found[2]:
        shift = _SHIFT.fullmatch(found[2])
        back = int(shift[1]) if shift else 0
        if not 1 <= back <= MOST_BACK:
            raise FormulaError(Problem.BAD_SHIFT, found.start(2), text=found[2].strip(), more=str(MOST_BACK))
    return Token(kind="reference", text=found[1].upper(), at=at, back=back), found.end()
