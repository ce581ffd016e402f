"""The page of an objective, and the two pure functions that only it has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.dashboards.objective_page.line import line
from kpiplatform.dashboards.objective_page.turning import value_that_scores
from kpis.domain.limits import Limits
from kpis.models import Kpi, KpiWeight
from kpis.objectives_as_known import objectives_as_known, objectives_over_time
from objectives.models import CausalLink, Role
from tests.dashboards.measured import W44, W45, W46, measured
from tests.factories import NOW, a_person, a_role, a_unit, an_objective

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "limits", "better", "value"),
    [
        ("6.6667", Limits(goal=D(80), red_flag=D(72)), True, "80.1"),  # the goal line as stored lies a hair above
        ("5", Limits(goal=D(80), red_flag=D(72)), True, "76.0"),
        ("5.01", Limits(goal=D(80), red_flag=D(72)), True, "76.1"),
        ("5.01", Limits(goal=D(80), red_flag=D(72)), False, "76.0"),
        ("5", Limits(goal=D(2), red_flag=D(5)), True, "3.5"),
        ("5.01", Limits(goal=D(2), red_flag=D(5)), True, "3.4"),
    ],
)
def test_a_score_is_said_as_a_value_that_reaches_it(wanted, limits, better, value):
    assert value_that_scores(D(wanted), limits, decimals=1, better=better) == D(value)


def test_the_score_is_drawn_from_zero_at_the_bottom_to_ten_at_the_top():
    drawn = line([("W44", D(0), "off_track"), ("W45", D(5), "at_risk"), ("W46", D(10), "on_track")], width=140, ticks=3)
    assert drawn.path == "M28.0 128.0L78.0 68.0L128.0 8.0"
    assert (drawn.last.band, drawn.last.x, drawn.last.y) == ("on_track", "128.0", "8.0")


def test_a_week_without_a_score_breaks_the_line_and_a_last_one_has_no_mark():
    drawn = line([("1", D(5), ""), ("2", None, ""), ("3", D(5), ""), ("4", None, "")], width=128, ticks=2)
    assert drawn.path.count("M") == 2
    assert drawn.last is None


def test_the_latest_week_is_named_and_no_more_than_asked():
    drawn = line([(str(week), D(5), "") for week in range(26)], width=360, ticks=5)
    assert len(drawn.ticks) == 5
    assert drawn.ticks[-1].label == "25"


def test_nothing_is_drawn_of_nothing():
    assert line([("W46", None, "")], width=360, ticks=5) is None


@pytest.fixture
def objective(db):
    return an_objective("Leave and arrive on time", code="on-time")


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def executive(client, db):
    person = a_person("Ines Okafor")
    a_role(person, Role.EXECUTIVE)
    client.force_login(person)
    return person


def strategic(values, objective, code, **fields):
    return measured(values, objective=objective, code=code, tier=Kpi.Tier.STRATEGIC, **fields)


def test_the_page_explains_the_score_by_its_terms_and_says_what_would_turn_it(client, executive, objective):
    strategic({W46: "76"}, objective, "LATE", name="Departures")
    strategic({W46: "78"}, objective, "LATER", name="Arrivals")
    context = client.get(reverse("objective", args=["on-time"])).context
    rows = {row.name: row for row in context["terms"].rows}
    # 76 scores 5.0 and 78 scores 5.8: the average of 5.4 lacks 1.25, that is 2.5 of one of the two
    assert (rows["Departures"].score, rows["Departures"].share) == ("5.0", "50\u202f%")
    assert rows["Departures"].turn == "82.1\u202f% (+6.1\u202fpts) → on track"
    assert context["terms"].total == "5.42"
    assert context["lede"].startswith("At risk with a score of 5.4, the average of 2 of 2 with data.")


def test_what_a_reader_may_not_open_is_counted_and_never_named(client, objective):
    ours, theirs = a_unit("lga", "LaGuardia"), a_unit("jfk", "Kennedy")
    manager = a_person("Sofia Marin")
    a_role(manager, Role.MANAGER, ours)
    client.force_login(manager)
    own = an_objective("Bring arrivals back", code="back", unit=ours)
    secret = an_objective("A secret aim", code="secret", unit=theirs)
    measured({W46: "90"}, objective=own, code="OPEN", name="Open KPI", unit=ours)
    measured({W46: "60"}, objective=own, code="HIDDEN", name="Hidden KPI", unit=theirs)
    CausalLink.objects.create(source=own, target=secret, rationale="A secret belief")
    response = client.get(reverse("objective", args=["back"]))
    text = response.content.decode()
    assert "Open KPI" in text
    assert "1 more that you may not open" in text
    assert "1 link to an objective that you may not open" in text
    for name in ("Hidden KPI", "HIDDEN", "A secret aim", "A secret belief"):
        assert name not in text


def test_an_objective_without_values_says_what_is_missing(client, executive, objective):
    text = client.get(reverse("objective", args=["on-time"])).content.decode()
    assert "Nothing measures this objective yet" in text
    assert "No KPI measures this objective yet." in text


def test_queries_do_not_grow_with_what_is_shown(client, executive, objective):
    def add(number: int) -> None:
        strategic({W46: "76"}, objective, f"OWN-{number}")
        below = an_objective(f"Below {number}", parent=objective)
        strategic({W46: "76"}, below, f"BELOW-{number}")
        CausalLink.objects.create(source=below, target=objective, rationale="It helps")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("objective", args=["on-time"])).status_code == 200
        return len(captured)

    add(1)
    few = queries()
    for number in (2, 3, 4):
        add(number)
    assert queries() == few <= 24


def test_scores_over_time_are_those_of_each_day_with_the_weights_of_that_day(objective):
    heavy = strategic({W44: "60", W45: "80", W46: "90"}, objective, "HEAVY")
    strategic({W44: "80", W46: "76"}, objective, "LIGHT")
    below = an_objective("Below", parent=objective)
    strategic({W45: "72"}, below, "BELOW")
    for day, weight in ((date(2026, 11, 10), 3), (date(2026, 11, 16), 9)):  # the second holds from the week after
        KpiWeight.objects.create(
            kpi=heavy, weight=weight, effective_from=day, recorded_at=LONG_AGO, recorded_by=heavy.owner
        )
    ends = [date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)]
    found = objectives_over_time(objective_ids=[objective.pk], ends=ends)
    for end in ends:
        known = objectives_as_known(objective_ids=[objective.pk], before=end, known_at=None, on=end - timedelta(days=1))
        assert found[end][objective.pk] == known[objective.pk]
    scores = [found[end][objective.pk].score for end in ends]
    assert len(set(scores)) == 3
    after = objectives_as_known(objective_ids=[objective.pk], before=ends[-1], known_at=None, on=ends[-1])
    assert after[objective.pk].score != scores[-1]
