"""A block from a spreadsheet before it is saved: which value goes where, and what would be said of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from kpiplatform.dashboards.my_kpis import saving, words
from kpiplatform.dashboards.my_kpis.saving import Typed
from kpiplatform.dashboards.my_kpis.sheet import Viewer, title_of
from kpis.domain.entry_checks import language_of, ungrouped
from kpis.domain.figures import MARKS

LONGEST_LEFT = 200  # characters of what fell beside the grid; the spreadsheet has the rest
MOST_LEFT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """One value of the block in its place; `state` is new, same, invalid, conflict or asking."""

    name: str
    text: str
    state: str
    before: str
    title: str
    sentence: str


def preview(typed: Sequence[Typed], left: Sequence[str], viewer: Viewer) -> dict[str, Any]:
    """Return the context of the preview: a row per KPI, a column per period, and what has no place in the grid."""
    # An empty cell of a spreadsheet says nothing of the value that stands.
    passed = [one for one in typed if not one.text.strip() and (one.slot.value or one.slot.waiting)]
    typed = [one for one in typed if one not in passed]
    # A spreadsheet that groups digits gives 1,234: it is read so, and shown as 1234 before it is stored.
    as_read = [replace(one, text=ungrouped(one.text, locale=viewer.locale)) for one in typed]
    grouped = any(one.text != read.text for one, read in zip(typed, as_read, strict=True))
    typed = as_read
    stored, attempts = saving.preview(typed, viewer)
    starts = sorted({one.slot.period.start: one.slot.period for one in typed}.items())
    names = {one.slot.kpi.pk: words.full_name(one.slot.kpi) for one in typed}
    rows: dict[int, dict[date, Pasted]] = defaultdict(dict)
    for one in typed:
        slot, attempt = one.slot, attempts.get(one.key)
        before = slot.waiting or slot.value
        rows[slot.kpi.pk][slot.period.start] = Pasted(
            name=f"{slot.kpi.code}@{slot.period.start}@{one.seq}",
            text=one.text.strip(),
            state=attempt.css if attempt else "new" if one.key in stored else "same",
            before=words.typed_value(before, slot.kpi, viewer.locale),
            title=title_of(slot),
            sentence=f"{attempt.headline} {attempt.sentence}".strip() if attempt else "",
        )
    cells = [cell for row in rows.values() for cell in row.values()]
    return {
        "columns": [words.name_of(period) for _start, period in starts],
        "rows": [(names[pk], [row.get(start) for start, _period in starts]) for pk, row in rows.items()],
        "problems": [cell for cell in cells if cell.sentence],
        "left": [text[:LONGEST_LEFT] for text in left[:MOST_LEFT]],
        "count": len(stored),
        "passed": len(passed),
        "grouping": MARKS.get(language_of(viewer.locale), MARKS["en"])[0] if grouped else "",
        "same": sum(cell.state == "same" for cell in cells),
    }
