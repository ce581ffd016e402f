"""How many queries a page may ask, whatever it shows."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpis.models import Kpi
from tests.architecture.people_and_things import World, closed_weeks, kpis_with_history
from tests.factories import a_kpi


def queries(client: Client, path: str, query: dict[str, str] | None = None) -> int:
    """Return how many queries a page takes, once its first visit is over."""
    assert client.get(path, query).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        client.get(path, query)
    return len(captured)


def more_kpis(world: World, count: int, *, tier: str = Kpi.Tier.OPERATIONAL) -> None:
    """Give the owner `count` more KPIs, each with values, a crossing and an incident."""
    ours, before = world.kpis["OURS"], Kpi.objects.count()
    kpis = [
        a_kpi(
            f"On-time arrivals, runway {before + number}",
            objective=ours.objective,
            tier=tier,
            owner=ours.owner,
            unit=ours.unit,
            active_from=ours.active_from,
        )
        for number in range(count)
    ]
    kpis_with_history(kpis, now=world.moment)


@pytest.mark.parametrize("query", [{}, {"band": "off_track"}])
def test_a_scorecard_asks_twenty_queries_at_most(world: World, client: Client, query: dict[str, str]) -> None:
    assert in_scorecards_of_two_lengths(world, client, query) <= 20


@pytest.mark.parametrize("name", ["week", "known"])
def test_a_scorecard_of_the_past_judges_anew_with_a_few_queries_more(world: World, client: Client, name: str) -> None:
    week = closed_weeks(world.moment, 2)[0]
    asked = {"week": week.key, "known": str(week.last_day)}[name]
    assert in_scorecards_of_two_lengths(world, client, {name: asked}) <= 28


def in_scorecards_of_two_lengths(world: World, client: Client, query: dict[str, str]) -> int:
    """Return the number of queries of the executive's scorecard, with one KPI and with seven."""
    world.seat(client, "executive")
    few = queries(client, reverse("scorecard"), query)
    more_kpis(world, 6, tier=Kpi.Tier.STRATEGIC)
    many = queries(client, reverse("scorecard"), query)
    assert few == many
    return many


@pytest.mark.parametrize("view", ["", "?view=xmr", "?view=table"])
def test_a_kpi_page_asks_fourteen_queries_at_most(world: World, client: Client, view: str) -> None:
    world.seat(client, "owner")
    assert queries(client, reverse("kpi", args=["OURS"]) + view) <= 14


def test_the_owners_page_asks_the_same_queries_for_three_kpis_and_for_thirty(world: World, client: Client) -> None:
    world.seat(client, "owner")
    more_kpis(world, 2)
    few = queries(client, reverse("my:kpis"))
    more_kpis(world, 27)
    many = queries(client, reverse("my:kpis"))
    assert few == many <= 19


def test_a_typed_value_asks_as_many_queries_among_thirty_kpis_as_among_three(world: World, client: Client) -> None:
    world.seat(client, "owner")
    more_kpis(world, 2)
    counts = []
    for seq in (1, 2):
        path = reverse("my:cell", args=["OURS", world.week.start])
        with CaptureQueriesContext(connection) as captured:
            said = {"value": str(60 + seq), "seq": str(seq), "sure": "1"}
            response = client.post(path, said, headers={"HX-Request": "true"})
        assert response.status_code == 200
        counts.append(len(captured))
        if seq == 1:
            more_kpis(world, 27)
    assert counts[0] == counts[1]


def test_healthz_asks_one_query(world: World, client: Client) -> None:
    assert queries(client, reverse("healthz")) == 1
