"""The cells of a grid as markup: hundreds on a page, and a template that decides in each takes most of its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from django.utils.safestring import SafeString

HATCHED = '<svg aria-hidden="true"><rect width="100%" height="100%" fill="url(#hatch-na)"/></svg>'


def cells_html(cells: Sequence[Mapping[str, Any]]) -> SafeString:
    """Return the cells of one row; what stands in them is escaped here."""
    return SafeString("".join([_cell(cell) for cell in cells]))


def _cell(cell: Mapping[str, Any]) -> str:
    text = escape(cell["text"])
    match cell["kind"]:
        case "value":
            partly = escape(cell["title"])
            title = f' title="{partly}"' if partly else ""
            spoken = f'<span class="sr-only">, {partly}</span>' if partly else ""
            return f'<td class="heat heat--{cell["heat"]}"{title}><span>{cell["band"]}{text}{spoken}</span></td>'
        case "na":
            return f'<td class="heat heat--na">{HATCHED}<b>{text}</b></td>'
        case "missing":
            return f'<td class="heat heat--missing">{text}</td>'
    return f'<td class="heat heat--none"><span class="note">{text}</span></td>'
