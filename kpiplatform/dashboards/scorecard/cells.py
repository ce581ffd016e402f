"""The cells of a scorecard's rows as markup, so that the template of a row only puts them in their places.

A template that decides and escapes in each cell takes several times as long as the row's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.scorecard.rows import ObjectiveGroup, PerspectiveGroup, Row
from kpis.templatetags.kpi_figures import avatar, band, bullet, spark

type Cells = dict[str, SafeString]


def table_of(groups: Sequence[PerspectiveGroup]) -> list[dict[str, Any]]:
    """Return perspectives, their objectives and the cells of the rows by their names in the template."""
    drawn = _Drawn()
    return [
        {"name": group.name, "objectives": [_objective(objective, drawn) for objective in group.objectives]}
        for group in groups
    ]


class _Drawn:
    """Shapes and words that stand in many rows, made once."""

    def __init__(self) -> None:
        self.late, self.none = escape(_("late")), escape(_("none"))
        self.bands: dict[tuple[str, str], SafeString] = {}
        self.people: dict[str, SafeString] = {}

    def band(self, name: str, state: str) -> SafeString:
        if (name, state) not in self.bands:
            self.bands[name, state] = band(name, "", state)
        return self.bands[name, state]

    def person(self, name: str) -> SafeString:
        if name not in self.people:
            self.people[name] = avatar(User(name=name))
        return self.people[name]


def _objective(objective: ObjectiveGroup, drawn: _Drawn) -> dict[str, Any]:
    return {
        "name": objective.name,
        "band": drawn.band(objective.band, ""),
        "bullet": bullet(objective.bullet),
        "score": objective.score,
        "terms": objective.terms,
        "owner": drawn.person(objective.owner),
        "rows": [_cells(row, drawn) for row in objective.rows],
    }


def _cells(row: Row, drawn: _Drawn) -> Cells:
    signal, unit = escape(row.signal), SafeString(escape(row.unit))
    return {
        "band": drawn.band(row.standing.band, row.state),
        "url": SafeString(escape(row.url)),
        "name": SafeString(escape(row.kpi.name)),
        "bullet": bullet(row.bullet),
        "value": SafeString(row.value),
        "unit": unit,
        "goal": SafeString(row.goal),
        "gap": SafeString(row.gap),
        "gap_unit": unit if row.gap_unit == row.unit else SafeString(escape(row.gap_unit)),
        "spark": spark(row.standing.spark) or SafeString(f'<span class="note">{escape(row.spark_note)}</span>'),
        "change_class": SafeString(row.change_class),
        "change": SafeString(row.change),
        "signal": SafeString(f"<b>{signal}</b>" if row.standing.signal == "signal" else signal),
        "owner": drawn.person(row.kpi.owner_name),
        "initiatives": SafeString(_initiatives(row, drawn)),
        "data": SafeString(_data(row)),
        "meta": SafeString(_meta(row)),
    }


def _initiatives(row: Row, drawn: _Drawn) -> str:
    answer = row.answer
    if answer.count:
        late = f", {answer.late} {drawn.late}" if answer.late else ""
        words = escape(row.answer_words)
        return f'<a href="{escape(row.url)}#initiatives" aria-label="{words}">{answer.count}{late}</a>'
    return f'<a class="lacks" href="{escape(row.url)}#initiatives">{drawn.none}</a>' if row.lacks_answer else ""


def _data(row: Row) -> str:
    between = " · " if row.other_period and row.fresh else ""
    late = ' class="late"' if row.is_late else ""
    return f"{escape(row.other_period)}{between}<span{late}>{escape(row.fresh)}</span>"


def _meta(row: Row) -> str:
    """All that a narrow screen says below the name."""
    parts = [row.kpi.owner_name, row.signal, row.answer_words, row.fresh if row.is_late else ""]
    return escape(" · ".join(part for part in parts if part))
