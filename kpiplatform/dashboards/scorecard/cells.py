"""The rows of a scorecard as markup.

A template that decides and escapes in each cell takes several times as long as reading the rows. So the template of a
row is rendered once per page, with a mark in each place, and then filled in for each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.scorecard.rows import ObjectiveGroup, PerspectiveGroup, Row
from kpis.templatetags.kpi_figures import LOW_GRADES, avatar, band, bullet, grade, grade_words, spark

ROW = "dashboards/scorecard/_row.html"
CELLS = (
    "band",
    "url",
    "name",
    "bullet",
    "value",
    "unit",
    "goal",
    "gap",
    "gap_unit",
    "spark",
    "change_class",
    "change",
    "signal",
    "owner",
    "initiatives",
    "data",
    "meta",
)


def table_of(groups: Sequence[PerspectiveGroup]) -> list[dict[str, Any]]:
    """Return perspectives and their objectives, with the rows of each as markup."""
    drawn = _Drawn()
    return [
        {"name": group.name, "objectives": [_objective(objective, drawn) for objective in group.objectives]}
        for group in groups
    ]


@dataclass(slots=True)
class _Somebody:
    """As much of a person as an avatar shows."""

    name: str
    initials = User.initials


class _Drawn:
    """The form of a row, and shapes and words that stand in many rows, made once."""

    def __init__(self) -> None:
        self.row = render_to_string(ROW, {name: SafeString(f"{{{name}}}") for name in CELLS})
        self.late, self.none = escape(_("late")), escape(_("none"))
        self.bands: dict[tuple[str, str], SafeString] = {}
        self.people: dict[str, SafeString] = {}

    def band(self, name: str, state: str) -> SafeString:
        if (name, state) not in self.bands:
            self.bands[name, state] = band(name, "", state)
        return self.bands[name, state]

    def person(self, name: str) -> SafeString:
        if name not in self.people:
            self.people[name] = avatar(_Somebody(name))
        return self.people[name]


def _objective(objective: ObjectiveGroup, drawn: _Drawn) -> dict[str, Any]:
    return {
        "name": objective.name,
        "url": objective.url,
        "band": drawn.band(objective.band, ""),
        "bullet": bullet(objective.bullet),
        "score": objective.score,
        "terms": objective.terms,
        "owner": drawn.person(objective.owner),
        "rows": SafeString("".join([drawn.row.format_map(_cells(row, drawn)) for row in objective.rows])),
    }


def _cells(row: Row, drawn: _Drawn) -> dict[str, str]:
    """Return what stands in each place, all of it escaped."""
    signal, standing = escape(row.signal), row.standing
    return {
        "band": drawn.band(standing.band, row.state),
        "url": escape(row.url),
        "name": escape(row.kpi.name),
        "bullet": bullet(row.bullet),
        "value": row.value,
        "unit": escape(row.unit),
        "goal": row.goal,
        "gap": row.gap,
        "gap_unit": escape(row.gap_unit),
        "spark": spark(standing.spark) or f'<span class="note">{escape(row.spark_note)}</span>',
        "change_class": row.change_class,
        "change": row.change,
        "signal": f"<b>{signal}</b>" if standing.signal == "signal" else signal,
        "owner": drawn.person(row.kpi.owner_name),
        "initiatives": _initiatives(row, drawn),
        "data": _data(row),
        "meta": _meta(row),
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
    told, space, last = row.fresh.rpartition(" ")
    before = f"{escape(row.other_period)}{between}<span{late}>{escape(told)}</span>{space}"
    # The letter never stands alone on a line: beside its box a no-break space would not hold.
    return f'{before}<span class="nowrap"><span{late}>{escape(last)}</span> {grade(row.grade)}</span>'


def _meta(row: Row) -> str:
    """All that a narrow screen says below the name."""
    doubt = grade_words(row.grade) if row.grade in LOW_GRADES else ""
    parts = [row.kpi.owner_name, row.signal, row.answer_words, row.fresh if row.is_late else "", doubt]
    return escape(" · ".join(part for part in parts if part))
