"""Whoever keeps a sentence keeps a text that translators find, with all that is put into it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = ("kpis", "kpiplatform", "alerts", "initiatives", "objectives", "reviews")
PLACE = re.compile(r"%\((\w+)\)s")


def calls() -> Iterator[tuple[str, ast.Call, bool]]:
    """Yield where a sentence is made or a text marked, and whether the module marks without translating."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            text = path.read_text()
            if "Sentence(" not in text and "domain.sentences" not in text:
                continue
            marks = "from kpis.domain.sentences import gettext_noop as _" in text
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, marks


def test_no_sentence_is_kept_in_words_that_no_translator_finds() -> None:
    made, unmarked = 0, []
    for where, call, _marks in calls():
        if call.func.id == "Sentence" and call.args:  # type: ignore[attr-defined]
            made += 1
            text = call.args[0]
            if isinstance(text, ast.Constant | ast.JoinedStr | ast.BinOp):
                unmarked.append(where)
    assert made > 100
    assert unmarked == []


def test_what_is_marked_is_one_text_whose_places_have_names() -> None:
    odd = []
    for where, call, marks in calls():
        if call.func.id not in ({"_", "ngettext_noop"} if marks else {"ngettext_noop"}):  # type: ignore[attr-defined]
            continue
        texts = [argument.value if isinstance(argument, ast.Constant) else None for argument in call.args]
        if not all(isinstance(text, str) and _is_plain(text) for text in texts):
            odd.append(where)
    assert odd == []


def _is_plain(text: str) -> bool:
    return "%(" not in text or "%" not in PLACE.sub("", text).replace("%%", "")


def test_a_sentence_has_exactly_the_parts_that_its_text_names() -> None:
    other = []
    for where, call, _marks in calls():
        if call.func.id != "Sentence" or len(call.args) != 2 or not isinstance(call.args[1], ast.Dict):  # type: ignore[attr-defined]
            continue
        marked = call.args[0]
        if isinstance(marked, ast.Call) and isinstance(marked.args[0], ast.Constant):
            names = {key.value for key in call.args[1].keys if isinstance(key, ast.Constant)}
            if names != set(PLACE.findall(marked.args[0].value)):
                other.append(where)
    assert other == []
