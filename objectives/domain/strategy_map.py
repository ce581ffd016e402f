"""A strategy map as a drawing: lanes from top to bottom, cards in rows, curved links between them.

Pure geometry in the units of the drawing's box; text ready to print. Cards are placed by row and column, so that
they stay text on the page; the links lie below them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 1024
ROW_HEIGHT, CARD_HEIGHT = 188, 132
CARD_TOP = (ROW_HEIGHT - CARD_HEIGHT) / 2
# Where the columns begin and how wide their cards are, by the number of columns.
COLUMNS = {2: ((144, 640), 304), 3: ((128, 440, 752), 272)}
# Which columns so many cards take.
PLACES = {2: {1: (1,), 2: (1, 2)}, 3: {1: (2,), 2: (1, 3), 3: (1, 2, 3)}}
BEND, BOW, HEAD = 36, 52, 7
LETTER, PADDING, PLATE_HEIGHT = 5.5, 12, 16
# Links that cross do so halfway: the words of a slanted one stand before that.
STEEP, EARLY, HALFWAY = 40, 0.3, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A link to draw, from one card to another, with the few words that stand on it."""

    key: str
    source: str
    target: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The place of a card: rows and columns count from 1."""

    row: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The rows that a lane takes."""

    first_row: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A drawn link: the line, its head, and the plate with the words."""

    key: str
    path: str
    head: str
    plate_x: str
    plate_y: str
    plate_width: str
    text_x: str
    text_y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The whole map."""

    columns: int
    height: int
    lanes: list[Lane]
    cards: dict[str, Card]
    curves: list[Curve]


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    x: float
    y: float


def strategy_map(lanes: Sequence[Sequence[str]], arrows: Sequence[Arrow]) -> Drawing:
    """Return the map of `lanes` of card keys, top lane first, with the arrows whose both ends are on it.

    A lane has one row at least and three cards in a row at most; two columns are enough where no lane has more than
    two cards. An arrow leaves and meets a card where its other end lies, so that arrows of one card do not coincide.
    """
    columns = 3 if any(len(lane) > 2 for lane in lanes) else 2
    cards: dict[str, Card] = {}
    placed = []
    row = 1
    for lane in lanes:
        rows = [lane[start : start + columns] for start in range(0, len(lane), columns)] or [[]]
        placed.append(Lane(first_row=row, rows=len(rows)))
        for own in rows:
            places = PLACES[columns].get(len(own), ())
            cards |= {key: Card(row=row, column=column) for key, column in zip(own, places, strict=True)}
            row += 1
    drawn = [arrow for arrow in arrows if arrow.source in cards and arrow.target in cards]
    ports = _ports(drawn, cards, columns)
    return Drawing(
        columns=columns,
        height=(row - 1) * ROW_HEIGHT,
        lanes=placed,
        cards=cards,
        curves=[_curve(arrow, cards, ports) for arrow in drawn],
    )


def _sides(source: Card, target: Card) -> tuple[str, str]:
    """Return at which edge an arrow leaves and at which it arrives; beside each other, both bow over the top."""
    if target.row == source.row:
        return "top", "top"
    return ("top", "bottom") if target.row < source.row else ("bottom", "top")


def _ports(arrows: Sequence[Arrow], cards: Mapping[str, Card], columns: int) -> dict[tuple[str, str], _End]:
    """Return where each arrow leaves and arrives, by (key, "source" or "target")."""
    lefts, width = COLUMNS[columns]
    ends: dict[tuple[str, str], list[tuple[int, int, str, str]]] = defaultdict(list)
    for arrow in arrows:
        source, target = cards[arrow.source], cards[arrow.target]
        leaves, arrives = _sides(source, target)
        ends[arrow.source, leaves].append((target.column, target.row, arrow.key, "source"))
        ends[arrow.target, arrives].append((source.column, source.row, arrow.key, "target"))
    ports = {}
    for (card_key, side), own in ends.items():
        card = cards[card_key]
        top = (card.row - 1) * ROW_HEIGHT + CARD_TOP
        y = top if side == "top" else top + CARD_HEIGHT
        for index, (_, _, key, which) in enumerate(sorted(own), start=1):
            ports[key, which] = _End(x=lefts[card.column - 1] + width * index / (len(own) + 1), y=y)
    return ports


def _curve(arrow: Arrow, cards: Mapping[str, Card], ports: Mapping[tuple[str, str], _End]) -> Curve:
    start, tip = ports[arrow.key, "source"], ports[arrow.key, "target"]
    leaves, arrives = _sides(cards[arrow.source], cards[arrow.target])
    up, down = (-1 if leaves == "top" else 1), (-1 if arrives == "top" else 1)
    end_y = tip.y + down * HEAD
    bend = BOW if leaves == arrives else max(BEND, abs(start.y - end_y) / 2)
    first_y, second_y = start.y + up * bend, end_y + down * bend
    at = HALFWAY if leaves == arrives or abs(start.x - tip.x) < STEEP else EARLY
    x = _bezier(start.x, start.x, tip.x, tip.x, at)
    y = _bezier(start.y, first_y, second_y, end_y, at)
    width = len(arrow.words) * LETTER + PADDING
    return Curve(
        key=arrow.key,
        path=f"M{start.x:g} {start.y:g}C{start.x:g} {first_y:g} {tip.x:g} {second_y:g} {tip.x:g} {end_y:g}",
        head=f"M{tip.x:g} {tip.y:g}l4.5 {down * (HEAD + 1)}h-9z",
        plate_x=f"{x - width / 2:.1f}",
        plate_y=f"{y - PLATE_HEIGHT / 2:.1f}",
        plate_width=f"{width:.1f}",
        text_x=f"{x:.1f}",
        text_y=f"{y + 4:.1f}",
    )


def _bezier(first: float, second: float, third: float, fourth: float, at: float) -> float:
    rest = 1 - at
    return rest**3 * first + 3 * rest**2 * at * second + 3 * rest * at**2 * third + at**3 * fourth
