import dataclasses
import json
import re
from decimal import Decimal

from kpis.domain.sparkline import Spark, sparkline


def values(text: str) -> list[Decimal | None]:
    """Read "70 71 - 73": a dash is a missing value."""
    return [None if word == "-" else Decimal(word) for word in text.split()]


def test_twelve_periods_fill_the_width_and_the_extremes_fill_the_height() -> None:
    spark = sparkline(values("10 20 20 20 20 20 20 20 20 20 20 30"), band="on_track")
    assert spark is not None
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", spark.path)
    assert len(points) == 12
    assert points[0] == ("3.0", "22.0")
    assert points[1] == ("11.5", "13.0")
    assert points[-1] == ("97.0", "4.0")
    assert (spark.last_x, spark.last_y) == ("97.0", "4.0")


def test_a_missing_value_breaks_the_line() -> None:
    spark = sparkline(values("1 2 - 4 5"))
    assert spark is not None
    assert [part.count("L") for part in spark.path.split("M")[1:]] == [1, 1]


def test_a_value_alone_between_gaps_is_a_dot() -> None:
    spark = sparkline(values("1 2 - 4 - 6 7"))
    assert spark is not None
    assert spark.path.count("h0") == 1
    assert "M50.0 13.0h0" in spark.path


def test_the_goal_and_the_routine_range_belong_to_the_scale() -> None:
    spark = sparkline(values("50 60"), goal=Decimal(100), range_low=Decimal(0), range_high=Decimal(75))
    assert spark is not None
    assert spark.goal == "4.0"
    assert spark.range_top == "8.5"
    assert spark.range_height == "13.5"
    assert spark.path == "M3.0 13.0L97.0 11.2"


def test_without_a_goal_or_range_none_is_drawn() -> None:
    spark = sparkline(values("50 60"))
    assert spark is not None
    assert (spark.goal, spark.range_top, spark.range_height) == ("", "", "")


def test_equal_values_run_through_the_middle() -> None:
    spark = sparkline(values("5 5 5"))
    assert spark is not None
    assert spark.path == "M3.0 13.0L50.0 13.0L97.0 13.0"


def test_the_mark_stands_on_the_newest_period_only() -> None:
    spark = sparkline(values("5 6 -"), band="at_risk")
    assert spark is not None
    assert (spark.last_x, spark.last_y) == ("", "")


def test_one_period_is_a_marked_dot() -> None:
    spark = sparkline(values("5"), band="on_track")
    assert spark is not None
    assert spark.path == "M97.0 13.0h0"
    assert spark.last_x == "97.0"


def test_nothing_measured_draws_nothing() -> None:
    assert sparkline(values("- -")) is None
    assert sparkline([]) is None


def test_a_stored_sparkline_comes_back_as_it_was() -> None:
    spark = sparkline(values("1 2 - 4"), goal=Decimal(3), band="off_track", label="4 weeks")
    assert spark is not None
    assert Spark(**json.loads(json.dumps(dataclasses.asdict(spark)))) == spark
