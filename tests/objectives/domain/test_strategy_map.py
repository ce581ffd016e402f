"""A strategy map as a drawing."""

import pytest

from objectives.domain.strategy_map import Arrow, Card, strategy_map


def arrow(source, target, words="+"):
    return Arrow(key=f"{source}>{target}", source=source, target=target, words=words)


@pytest.mark.parametrize(
    ("lane", "columns", "places"),
    [
        ([], 2, []),
        (["a"], 2, [(1, 1)]),
        (["a", "b"], 2, [(1, 1), (1, 2)]),
        (["a", "b", "c"], 3, [(1, 1), (1, 2), (1, 3)]),
        (["a", "b", "c", "d"], 3, [(1, 1), (1, 2), (1, 3), (2, 2)]),
        (["a", "b", "c", "d", "e"], 3, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 3)]),
    ],
)
def test_a_lane_has_three_cards_in_a_row_at_most(lane, columns, places):
    drawing = strategy_map([lane], [])
    assert drawing.columns == columns
    assert [(card.row, card.column) for card in drawing.cards.values()] == places
    assert drawing.lanes[0].rows == max([row for row, _ in places], default=1)


def test_a_lane_begins_below_the_rows_of_the_one_above():
    drawing = strategy_map([["a", "b", "c", "d"], [], ["e"]], [])
    assert [(lane.first_row, lane.rows) for lane in drawing.lanes] == [(1, 2), (3, 1), (4, 1)]
    assert drawing.cards["e"] == Card(row=4, column=2)
    assert drawing.height == 4 * 188


def test_a_link_to_the_lane_above_leaves_at_the_top_and_arrives_at_the_bottom():
    drawing = strategy_map([["a"], ["b"]], [arrow("b", "a")])
    (curve,) = drawing.curves
    # b stands from 216 on, a ends at 160; both begin at 144 and are 304 wide
    assert curve.path == "M296 216C296 180 296 203 296 167"
    assert curve.head == "M296 160l4.5 8h-9z"
    assert (curve.text_x, curve.text_y) == ("296.0", "195.5")


def test_a_link_to_the_lane_below_goes_the_other_way():
    (curve,) = strategy_map([["a"], ["b"]], [arrow("a", "b")]).curves
    assert curve.path.startswith("M296 160C296 196")
    assert curve.head == "M296 216l4.5 -8h-9z"


def test_a_link_within_a_row_bows_over_the_cards():
    (curve,) = strategy_map([["a", "b"]], [arrow("a", "b")]).curves
    assert curve.path == "M296 28C296 -24 792 -31 792 21"


def test_links_of_one_card_stand_apart_in_the_order_of_their_other_ends():
    drawing = strategy_map([["a", "b"], ["c", "d"]], [arrow("d", "a"), arrow("c", "a")])
    ends = {curve.key: float(curve.head[1:].split(" ")[0]) for curve in drawing.curves}
    left, width = 144, 304
    assert ends["c>a"] == pytest.approx(left + width / 3, abs=0.01)
    assert ends["d>a"] == pytest.approx(left + width * 2 / 3, abs=0.01)


def test_words_stand_on_their_link_and_their_plate_grows_with_them():
    few, many = (strategy_map([["a"], ["b"]], [arrow("b", "a", words)]).curves[0] for words in ("+", "+, at once"))
    assert float(many.plate_width) - float(few.plate_width) == pytest.approx(9 * 5.5, abs=0.11)
    assert float(many.plate_x) + float(many.plate_width) / 2 == pytest.approx(296, abs=0.11)


def test_a_link_to_what_is_not_on_the_map_is_not_drawn():
    assert strategy_map([["a"]], [arrow("a", "elsewhere")]).curves == []
