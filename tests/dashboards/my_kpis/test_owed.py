"""The owner's page: milestones, actions and decisions that wait for the person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.accounts.models import User
from kpis.domain.sentences import Sentence
from kpis.models import Pull
from tests.dashboards.my_kpis.sheets import TODAY, page_of, text_of
from tests.factories import NOW, a_kpi, a_person
from tests.initiatives.factories import a_milestone, an_initiative
from tests.kpis.pulls import a_source
from tests.reviews.factories import a_decision, a_forum, a_held_review, an_action

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HEADING = "Milestones, actions, decisions"


def one_of_each(person: User) -> dict[str, str]:
    """Let the person owe a late action, a decision for today and a milestone to come; return where each is done."""
    step = a_milestone(an_initiative(status="running"), "Kennedy roll-out", owner=person, due_on=TODAY + 3 * DAY)
    forum = a_forum()
    action = an_action(a_held_review(forum), "Ask the carriers", owner=person, due_on=TODAY - 2 * DAY)
    decision = a_decision(forum, "Fund the crew", owner=person, due_on=TODAY)
    return {
        "Ask the carriers": reverse("reviews:action", args=[action.pk]),
        "Fund the crew": reverse("reviews:decision", args=[decision.pk]),
        "Kennedy roll-out": reverse("initiatives:initiative", args=[step.initiative.code]) + f"#tick-{step.pk}",
    }


def test_what_is_owed_stands_in_order_and_leads_to_where_it_is_done(client, rosa):
    a_kpi("Pushback crews", owner=rosa)
    places = one_of_each(rosa)
    page = page_of(client)
    found = [page.index(f'<a class="what" href="{url}">{what}</a>') for what, url in places.items()]
    assert found == sorted(found)
    assert "<b>2 days late</b>" in page
    assert "three milestones, actions and decisions" in text_of(page, "lede").lower()


def test_who_owes_nothing_sees_no_such_list(client, rosa):
    a_kpi("Pushback crews", owner=rosa)
    one_of_each(a_person("Somebody else"))
    assert HEADING not in page_of(client)


def test_who_has_no_kpi_still_sees_what_was_promised(client, rosa):
    one_of_each(rosa)
    assert HEADING in page_of(client)


def test_an_action_is_ticked_off_from_the_list(client, rosa):
    a_kpi("Pushback crews", owner=rosa)
    action = an_action(a_held_review(a_forum()), "Ask the carriers", owner=rosa)
    done = client.post(reverse("reviews:tick", args=[action.pk]), {"next": reverse("my:kpis")})
    assert done["Location"] == reverse("my:kpis")
    assert HEADING not in page_of(client)


def test_ten_promises_ask_as_many_queries_as_one(client, rosa):
    a_kpi("Pushback crews", owner=rosa)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page_of(client)
        return len(captured)

    initiative = an_initiative(status="running")
    a_milestone(initiative, owner=rosa)
    page_of(client)
    few = queries()
    for number in range(9):
        a_milestone(initiative, f"Gate {number}", owner=rosa)
    assert queries() == few


def test_the_owner_of_a_source_is_asked_to_decide_about_a_held_pull(client, rosa):
    a_kpi("Pushback crews", owner=rosa)
    source = a_source(owner=rosa)
    held = Pull.objects.create(
        source=source, slot=NOW, state=Pull.State.SUSPECT, error=Sentence("There were 3 rows a day.")
    )
    Pull.objects.create(source=a_source(code="other"), slot=NOW, state=Pull.State.SUSPECT)
    page = page_of(client)
    address = reverse("configuration:pull", args=[source.code, held.pk])
    assert f'<a class="what" href="{address}">A pull of Flights is held</a>' in page
    assert page.count("is held</a>") == 1
    assert client.get(address).status_code == 200
