"""The graph of what is computed from what around one KPI: read, laid out, drawn by the server, and listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from kpis.domain.formula.graph import Graph, reachable
from kpis.models import Kpi, KpiInput

WIDTH, HEIGHT, BETWEEN, ABOVE = 210, 46, 70, 14
LETTERS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A KPI in the drawing: where it stands, what it is called as far as the reader may know."""

    pk: int
    name: str
    short: str
    code: str
    url: str
    kind: str
    x: int
    y: int

    @property
    def text_x(self) -> int:
        return self.x + 10

    @property
    def first_line(self) -> int:
        return self.y + 20

    @property
    def second_line(self) -> int:
        return self.y + 36


def graph_of(kpi: Kpi, visible: QuerySet[Kpi]) -> dict[str, Any] | None:
    """Return what `kpi` is computed from and what is computed from it, near and far; None where neither is."""
    below: dict[int, list[int]] = defaultdict(list)
    above: dict[int, list[int]] = defaultdict(list)
    for upper, lower in KpiInput.objects.filter(is_current=True).values_list("kpi_id", "input_id"):
        below[upper].append(lower)
        above[lower].append(upper)
    sources, results = reachable(below, kpi.pk), reachable(above, kpi.pk)
    if not sources and not results:
        return None
    known = {row.pk: row for row in visible.filter(pk__in=[*sources, *results, kpi.pk])}
    columns = _columns(kpi.pk, sources, results)
    cards = {card.pk: card for card in _cards(columns, known, kpi)}
    drawn = set(cards)
    edges = [(lower, upper) for upper in drawn for lower in below[upper] if lower in drawn]
    tallest = max(len(column) for column in columns)
    return {
        "width": len(columns) * (WIDTH + BETWEEN) - BETWEEN + 2,
        "height": tallest * (HEIGHT + ABOVE) - ABOVE + 2,
        "card": {"width": WIDTH, "height": HEIGHT},
        "cards": list(cards.values()),
        "edges": [_edge(cards[lower], cards[upper]) for lower, upper in edges],
        "sources": _tree(kpi.pk, below, cards, set()),
        "results": _tree(kpi.pk, above, cards, set()),
    }


def _columns(own: int, sources: Mapping[int, int], results: Mapping[int, int]) -> list[list[int]]:
    """Return the KPIs from left to right: the farthest inputs first, then the KPI, then what is computed from it."""
    by_place: dict[int, list[int]] = defaultdict(list)
    by_place[0].append(own)
    for pk, distance in sources.items():
        by_place[-distance].append(pk)
    for pk, distance in results.items():
        by_place[distance].append(pk)
    return [sorted(by_place[place]) for place in sorted(by_place)]


def _cards(columns: list[list[int]], known: Mapping[int, Kpi], own: Kpi) -> list[Card]:
    tallest = max(len(column) for column in columns)
    found = []
    for place, column in enumerate(columns):
        top = (tallest - len(column)) * (HEIGHT + ABOVE) // 2
        for row, pk in enumerate(column):
            kpi = own if pk == own.pk else known.get(pk)
            found.append(
                Card(
                    pk=pk,
                    name=kpi.name if kpi else _("a KPI you may not open"),
                    short=_short(kpi.name if kpi else _("a KPI you may not open")),
                    code=kpi.code if kpi else "",
                    url=reverse("kpis:explained", args=[kpi.code]) if kpi else "",
                    kind="self" if pk == own.pk else "" if kpi else "hidden",
                    x=place * (WIDTH + BETWEEN) + 1,
                    y=top + row * (HEIGHT + ABOVE) + 1,
                )
            )
    return found


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else name[: LETTERS - 1].rstrip() + "…"


def _edge(lower: Card, upper: Card) -> dict[str, str]:
    x1, y1 = lower.x + WIDTH, lower.y + HEIGHT // 2
    x2, y2 = upper.x, upper.y + HEIGHT // 2
    bend = (x2 - x1) // 2
    return {
        "line": f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 7} {y2}",
        "arrow": f"M{x2 - 8} {y2 - 4}l8 4l-8 4z",
    }


def _tree(own: int, graph: Graph, cards: Mapping[int, Card], told: set[int]) -> list[dict[str, Any]]:
    """Return the same as nested lists: what stands one step away, with what stands behind it where it comes first."""
    found = []
    for pk in sorted((pk for pk in graph.get(own, ()) if pk in cards), key=lambda pk: cards[pk].y):
        is_new = pk not in told
        told.add(pk)
        found.append({"card": cards[pk], "parts": _tree(pk, graph, cards, told) if is_new else []})
    return found
