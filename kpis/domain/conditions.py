"""Conditions on the rows of a source as people write them, one a line, and as a mapping stores them.

    carrier == UA            dep_delay <= 15          origin in EWR, JFK
    tailnum is empty         arr_delay is filled      code == "007"

A value that reads as a number is one; in quotes it is a text.
"""

from __future__ import annotations

import re
from typing import Any

SIGNS = {"==": "==", "=": "==", "!=": "!=", "≠": "!=", "<=": "<=", "≤": "<=", ">=": ">=", "≥": ">=", "<": "<", ">": ">"}
EMPTY = {"is empty": "is_null", "is filled": "not_null"}
LISTS = {" not in ": "not_in", " in ": "in"}
ORDERED = {"<", "<=", ">", ">="}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_SIGN = re.compile("|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True)))


class ConditionRefused(ValueError):
    """A line that is no condition: which line, and one of the reasons `no_column`, `no_value`, `no_comparison`,
    `not_a_number`."""

    def __init__(self, line: int, reason: str, text: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason, self.text = line, reason, text


def conditions_in(text: str) -> list[list[Any]]:
    """Return the conditions as a mapping stores them; raises ConditionRefused for the first line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            found.append(_condition(number, line.strip()))
    return found


def written(conditions: list[list[Any]]) -> str:
    """Return conditions as people write them, one a line."""
    return "\n".join(_written(*condition) for condition in conditions)


def _condition(number: int, line: str) -> list[Any]:
    for words, op in EMPTY.items():
        if line.lower().endswith(f" {words}"):
            return [_column(number, line[: -len(words)], line), op]
    # A sign inside a quoted text, or behind “in”, belongs to the value.
    sign = _SIGN.search(line)
    for words, op in LISTS.items():
        column, found, rest = line.partition(words)
        if found and (sign is None or sign.start() > len(column)):
            values = [_value(part) for part in _parts(rest)]
            if not values or "" in values:
                raise ConditionRefused(number, "no_value", line)
            if len({isinstance(value, str) for value in values}) > 1:
                values = [str(value) for value in values]
            return [_column(number, column, line), op, values]
    if sign is None:
        raise ConditionRefused(number, "no_comparison", line)
    op, typed = SIGNS[sign.group()], line[sign.end() :].strip()
    if not typed:
        raise ConditionRefused(number, "no_value", line)
    value = _value(typed)
    if op in ORDERED and isinstance(value, str):
        raise ConditionRefused(number, "not_a_number", line)
    return [_column(number, line[: sign.start()], line), op, value]


def _column(number: int, text: str, line: str) -> str:
    column = text.strip()
    if not column:
        raise ConditionRefused(number, "no_column", line)
    return column


def _parts(text: str) -> list[str]:
    return re.findall(r'"[^"]*"|[^,]+', text.strip()) if text.strip() else []


def _value(text: str) -> str | int | float:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    if _NUMBER.fullmatch(text) and len(text) <= 15:
        return float(text) if "." in text else int(text)
    return text


def _written(column: str, op: str, value: Any = None) -> str:
    for words, known in EMPTY.items():
        if op == known:
            return f"{column} {words}"
    for words, known in LISTS.items():
        if op == known:
            return f"{column}{words}{', '.join(map(_quoted, value))}"
    return f"{column} {op} {_quoted(value)}"


def _quoted(value: Any) -> str:
    """Return a value so that it is read as the same again."""
    if not isinstance(value, str):
        return str(value)
    ambiguous = _NUMBER.fullmatch(value) or "," in value or not value or value != value.strip()
    return f'"{value}"' if ambiguous else value
