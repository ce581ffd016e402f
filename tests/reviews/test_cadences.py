"""Where a KPI is reviewed: chosen, or by unit and tier."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import ChangedMeanwhile
from kpiplatform.audit.models import AuditEntry
from kpis.models import Kpi
from objectives.models import Role
from reviews.models import Forum, KpiCadence
from reviews.queries import kpis_reviewed_in, reviewing_of
from reviews.services.cadences import choose_forum, release_kpi, seen_choice
from tests.factories import a_kpi, a_person, a_role, a_unit, the_company
from tests.reviews.factories import a_forum

pytestmark = pytest.mark.django_db


@pytest.fixture
def kpi() -> Kpi:
    return a_kpi("On-time arrivals", code="OTA", tier="operational")


@pytest.fixture
def board(kpi: Kpi) -> Forum:
    return a_forum("Operations board", unit=kpi.unit)


@pytest.fixture
def office(client: Client) -> User:
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN, the_company())
    client.force_login(admin)
    return admin


def names(forum: Forum) -> set[str]:
    return {kpi.code for kpi in kpis_reviewed_in(forum)}


def test_without_a_choice_a_kpi_is_reviewed_where_its_unit_and_tier_are_looked_at(kpi, board):
    a_forum("Executive review", unit=kpi.unit, tier="strategic")
    a_forum("Given up", unit=kpi.unit, is_active=False)
    its = reviewing_of(kpi)
    assert not its.is_chosen
    assert its.where == (board,)


def test_a_chosen_kpi_comes_onto_a_table_that_does_not_cover_it_and_stays_on_the_one_that_does(kpi, board):
    elsewhere = a_forum("Safety circle", unit=a_unit("ewr", "Newark"), tier="strategic")
    choose_forum(kpi=kpi, forum=elsewhere)
    assert names(elsewhere) == {"OTA"}
    assert names(board) == {"OTA"}
    its = reviewing_of(kpi)
    assert its.where == (elsewhere,)
    assert its.besides == (board,)


def test_of_two_forums_of_one_scope_only_the_chosen_one_has_the_kpi(kpi, board):
    monthly = a_forum("Monthly check", unit=kpi.unit, rule="monthly")
    choose_forum(kpi=kpi, forum=monthly)
    assert names(monthly) == {"OTA"}
    assert names(board) == set()
    Forum.objects.filter(pk=monthly.pk).update(is_active=False)
    assert names(board) == {"OTA"}
    assert reviewing_of(kpi).where == (board,)


def test_the_same_choice_twice_is_one_and_stands_in_the_audit_trail(kpi, board):
    choose_forum(kpi=kpi, forum=board)
    choose_forum(kpi=kpi, forum=board)
    assert KpiCadence.objects.count() == 1
    assert AuditEntry.objects.filter(table="reviews_kpicadence", row=str(kpi.pk)).count() == 1
    assert release_kpi(kpi=kpi, forum=board)
    assert not release_kpi(kpi=kpi, forum=board)


def test_a_choice_made_meanwhile_is_not_overwritten(kpi, board):
    token = seen_choice(kpi)
    choose_forum(kpi=kpi, forum=board)
    with pytest.raises(ChangedMeanwhile):
        choose_forum(kpi=kpi, forum=None, seen=token)
    assert KpiCadence.objects.get().forum == board


def test_the_dates_of_a_forum_are_shown_before_anything_is_saved(client, office, kpi, board):
    said = {"forum": board.pk, "seen": "none", "show": "1"}
    shown = client.post(reverse("kpis:cadence", args=["OTA"]), said, headers={"HX-Request": "true"}).text
    assert "Operations board</b>: every Thursday" in shown
    assert shown.count("<li>") == 5
    assert not KpiCadence.objects.exists()


def test_a_choice_is_saved_and_a_stale_form_is_refused_with_what_was_chosen(client, office, kpi, board):
    path = reverse("kpis:cadence", args=["OTA"])
    assert client.post(path, {"forum": board.pk, "seen": "none"}).status_code == 303
    refused = client.post(path, {"forum": "", "seen": "none"})
    assert refused.status_code == 422
    assert KpiCadence.objects.get().forum == board
    again = refused.context["form"]["seen"].value()
    assert client.post(path, {"forum": "", "seen": again}).status_code == 303
    assert not KpiCadence.objects.exists()


def test_a_forum_takes_a_kpi_and_gives_it_back(client, office, kpi):
    circle = a_forum("Safety circle", unit=a_unit("ewr", "Newark"), tier="strategic")
    path = reverse("reviews:kpis", args=[circle.code])
    assert "No KPI was chosen" in client.get(path).text
    for _again in range(2):
        assert client.post(path, {"kpi": kpi.pk}).status_code == 303
    assert "Remove On-time arrivals" in client.get(path).text
    assert client.post(path, {"remove": "OTA"}).status_code == 303
    assert not KpiCadence.objects.exists()


def test_the_page_of_the_kpi_says_where_it_is_reviewed(client, kpi, board):
    client.force_login(kpi.owner)
    page = reverse("kpi", args=["OTA"])
    assert "Operations board, every Thursday; next" in client.get(page).text
    assert "by default" in client.get(page).text
    choose_forum(kpi=kpi, forum=board)
    assert "by default" not in client.get(page).text


def test_the_table_of_a_forum_asks_as_many_queries_for_nine_kpis_as_for_one(
    client, office, kpi, board, django_assert_num_queries
):
    path = reverse("reviews:kpis", args=[board.code])
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    for number in range(8):
        a_kpi(f"Arrivals {number}", unit=kpi.unit, owner=a_person(f"Owner {number}"))
    with django_assert_num_queries(len(few)):
        client.get(path)
