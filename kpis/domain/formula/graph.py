"""What is computed from what: no circles, and inputs before what they feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

type Graph = Mapping[int, Iterable[int]]  # from a derived KPI to its inputs


def circle(graph: Graph, kpi: int, inputs: Iterable[int]) -> list[int]:
    """Return the way from `kpi` back to itself that the inputs would open, empty if they open none."""
    came_from: dict[int, int] = {}
    waiting = [(one, kpi) for one in inputs]
    while waiting:
        node, before = waiting.pop()
        if node == kpi:
            return _way(kpi, before, came_from)
        if node not in came_from:
            came_from[node] = before
            waiting += [(one, node) for one in graph.get(node, ())]
    return []


def _way(kpi: int, last: int, came_from: Mapping[int, int]) -> list[int]:
    way = [kpi]
    while last != kpi:
        way.append(last)
        last = came_from[last]
    return [kpi, *reversed(way)]


def ranks(graph: Graph) -> dict[int, int]:
    """Return for every derived KPI how many stand below it at most: whoever has a lower one is computed before."""
    found: dict[int, int] = {}
    for start in graph:
        begun, waiting = set(), [start]
        while waiting:
            node = waiting[-1]
            inputs = [one for one in graph[node] if one in graph]
            unknown = [one for one in inputs if one not in found]
            if unknown and node not in begun:
                begun.add(node)
                waiting += unknown
                continue
            waiting.pop()
            found[node] = max((found[one] + 1 for one in inputs if one in found), default=0)
    return found


def reachable(graph: Graph, kpi: int) -> dict[int, int]:
    """Return everything that lies in the direction of the graph, with the longest distance from `kpi`."""
    found: dict[int, int] = {}
    layer, distance = {kpi}, 0
    while layer and distance <= len(graph):
        distance += 1
        layer = {one for node in layer for one in graph.get(node, ())}
        found |= dict.fromkeys(layer, distance)
    return found
