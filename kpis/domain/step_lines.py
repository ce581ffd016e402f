"""The steps that are made of the rows of a source, as people write them, one a line, and as its settings store them.

rename Umsatz to sales
read sales with decimal , grouping .
read day as %d.%m.%Y
keep rows where country == DE
derive per_head = sales / heads * 100
unpivot keeping country, city into month and sales
"""

from __future__ import annotations

import re
from typing import Any

from kpis.domain.conditions import ConditionRefused, conditions_in, written

RENAME = re.compile(r"rename (?P<column>.+?) (?:to|→) (?P<to>.+)")
READ_AS = re.compile(r"read (?P<column>.+?) as (?P<date_format>%.+)")
READ_WITH = re.compile(r"read (?P<column>.+?) with (?P<how>.+)")
KEEP = re.compile(r"keep rows where (?P<where>.+)")
DERIVE = re.compile(r"derive (?P<to>.+?) = (?P<numerator>.+?) / (?P<denominator>.+?)(?: \* (?P<factor>[0-9.]+))?")
UNPIVOT = re.compile(r"unpivot keeping (?P<keep>.+?) into (?P<name>.+?) and (?P<value>.+)")
MARKS = ("decimal", "grouping")
FLAGS = ("percent", "accounting")
SPACE = "space"


class StepRefused(ValueError):
    """A line that is no step: which line, and what it says."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"line {line}: {text}")
        self.line, self.text = line, text


def steps_in(text: str) -> list[dict[str, Any]]:
    """Return the steps as settings store them; raises StepRefused for the first line that is none."""
    return [_step(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def written_steps(steps: list[dict[str, Any]]) -> str:
    """Return steps as people write them, one a line."""
    return "\n".join(_WRITTEN[step["do"]](step) for step in steps)


def _step(number: int, line: str) -> dict[str, Any]:
    if match := RENAME.fullmatch(line):
        return {"do": "rename", **_stripped(match)}
    if match := READ_AS.fullmatch(line):
        return {"do": "parse", **_stripped(match)}
    if match := READ_WITH.fullmatch(line):
        return {"do": "parse", "column": match["column"].strip(), **_marks(number, line, match["how"])}
    if match := KEEP.fullmatch(line):
        try:
            return {"do": "filter", "where": conditions_in(match["where"])}
        except ConditionRefused:
            raise StepRefused(number, line) from None
    if match := DERIVE.fullmatch(line):
        parts = _stripped(match)
        factor = parts.pop("factor", "")
        return {"do": "derive", **parts, **({"factor": _number(number, line, factor)} if factor else {})}
    if match := UNPIVOT.fullmatch(line):
        parts = _stripped(match)
        keep = [name.strip() for name in parts.pop("keep").split(",") if name.strip()]
        return {"do": "unpivot", "keep": keep, **parts}
    raise StepRefused(number, line)


def _stripped(match: re.Match[str]) -> dict[str, str]:
    return {name: text.strip() for name, text in match.groupdict().items() if text is not None}


def _marks(number: int, line: str, how: str) -> dict[str, Any]:
    words = how.split()
    said: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if word in FLAGS:
            said[word] = True
        elif word in MARKS and words:
            mark = words.pop(0)
            said[word] = " " if mark == SPACE else mark
        else:
            raise StepRefused(number, line)
    return said


def _number(number: int, line: str, text: str) -> int | float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise StepRefused(number, line) from None


def _written_parse(step: dict[str, Any]) -> str:
    if "date_format" in step:
        return f"read {step['column']} as {step['date_format']}"
    marks = [f"{name} {SPACE if step[name] == ' ' else step[name]}" for name in MARKS if step.get(name)]
    flags = [name for name in FLAGS if step.get(name)]
    return f"read {step['column']} with {' '.join([*marks, *flags])}"


def _written_derive(step: dict[str, Any]) -> str:
    factor = f" * {step['factor']}" if step.get("factor") else ""
    return f"derive {step['to']} = {step['numerator']} / {step['denominator']}{factor}"


_WRITTEN = {
    "rename": lambda step: f"rename {step['column']} to {step['to']}",
    "parse": _written_parse,
    "filter": lambda step: f"keep rows where {written(step['where'])}",
    "derive": _written_derive,
    "unpivot": lambda step: f"unpivot keeping {', '.join(step['keep'])} into {step['name']} and {step['value']}",
}
