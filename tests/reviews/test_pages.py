"""The pages of reviews: what they show, and that nothing typed is lost."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from kpiplatform.accounts.models import User
from kpiplatform.audit.models import AuditEntry
from kpis.models import Commentary, Kpi
from objectives.models import Role
from reviews.models import Action, Decision, Forum, Review
from reviews.queries import forums_visible_to, may_contribute, may_run
from reviews.services.forums import seen_forum
from reviews.services.reviewing import close_review
from reviews.showing import Reader, table_shown
from tests.factories import a_person, a_role, a_unit, the_company
from tests.initiatives.factories import an_initiative
from tests.reviews.factories import (
    WEEK,
    a_decision,
    a_forum,
    a_held_review,
    a_planned_review,
    an_action,
    an_open_review,
)
from tests.reviews.test_reviewing import a_measured_kpi, say

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def chair(client: Client) -> User:
    person = a_person("Ines Okafor")
    a_role(person, Role.MANAGER)
    client.force_login(person)
    return person


@pytest.fixture
def office(client: Client) -> User:
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return person


def an_agenda(chair: User) -> Review:
    """An open review about one KPI that is off track."""
    now = timezone.now()
    monday = (now - WEEK).date() - timedelta(days=now.weekday())
    kpi = a_measured_kpi(at=now - timedelta(hours=2))
    say(kpi, "70", at=now - timedelta(hours=1), monday=monday)
    return an_open_review(a_forum(chair=chair), at=now)


def live(review: Review, item: int = 1) -> str:
    url = reverse("reviews:live", args=[review.pk])
    return f"{url}?item={item}" if item > 1 else url


def a_rule(forum: Forum | None = None, **said) -> dict:
    return {
        "name": "Board",
        "code": "board",
        "unit": the_company().pk,
        "tier": "strategic",
        "rule": "monthly",
        "interval": "1",
        "nth_week": "-1",
        "weekday": "4",
        "anchor": "2026-01-01",
        "starts_at": "10:00",
        "is_active": "on",
        "seen": seen_forum(forum) if forum else "",
        **said,
    }


def test_who_sees_a_forum_and_who_runs_it():
    unit, other = a_unit("lga"), a_unit("jfk")
    people = {name: a_person(name) for name in ("chair", "participant", "executive", "manager", "auditor", "member")}
    for name in ("chair", "participant", "member"):
        a_role(people[name], Role.MEMBER, unit)
    a_role(people["executive"], Role.EXECUTIVE)
    a_role(people["manager"], Role.MANAGER, unit)
    a_role(people["auditor"], Role.AUDITOR, unit)
    shared = {"chair": people["chair"], "participants": [people["participant"]]}
    a_forum("Strategic", tier="strategic", unit=unit, **shared)
    a_forum("Operational", unit=unit, **shared)
    a_forum("Of others", unit=other)
    today = timezone.localdate()
    seen = {
        name: set(forums_visible_to(person, today=today).values_list("name", flat=True))
        for name, person in people.items()
    }
    both = {"Strategic", "Operational"}
    assert seen == {
        "chair": both,
        "participant": both,
        "executive": {"Strategic"},
        "manager": both,
        "auditor": both,
        "member": set(),
    }
    forum = Forum.objects.get(name="Operational")
    assert {name for name, person in people.items() if may_run(person, forum, today=today)} == {"chair"}
    writes = {name for name, person in people.items() if may_contribute(person, forum, today=today)}
    assert writes == {"chair", "participant"}


def test_the_next_five_dates_are_shown_while_the_rule_is_chosen_and_nothing_is_saved(client, office):
    said = a_rule(chair=office.pk) | {"show": "1"}
    part = client.post(reverse("reviews:new_forum"), said, headers=HTMX).content.decode()
    assert "Last Friday of each month" in part
    assert part.count("<li>") == 5
    assert "<form" not in part
    page = client.post(reverse("reviews:new_forum"), said).content.decode()
    assert "Last Friday of each month" in page
    assert 'value="Board"' in page
    assert not Forum.objects.exists()


def test_an_incomplete_rule_says_what_is_wrong_with_it(client, office):
    said = a_rule(chair=office.pk, day_of_month="3", show="1", code="")
    part = client.post(reverse("reviews:new_forum"), said, headers=HTMX).content.decode()
    assert "not both" in part
    assert "Short name" not in part


def test_a_forum_sent_twice_is_set_up_once_and_a_taken_name_is_refused(client, office):
    said = a_rule(chair=office.pk, participants=[office.pk])
    for _ in range(2):
        assert client.post(reverse("reviews:new_forum"), said).status_code == 303
    assert list(Forum.objects.values_list("code", "nth_week", "weekday", "day_of_month")) == [("board", -1, 4, None)]
    response = client.post(reverse("reviews:new_forum"), said | {"name": "Another"})
    assert response.status_code == 422
    assert "Another forum has this short name." in response.content.decode()


def test_what_a_rule_does_not_ask_for_is_left_aside(client, office):
    client.post(reverse("reviews:new_forum"), a_rule(chair=office.pk, rule="weekly", day_of_month="3"))
    forum = Forum.objects.get()
    assert (forum.rule, forum.weekday, forum.nth_week, forum.day_of_month) == ("weekly", 4, None, None)


@pytest.mark.parametrize("theirs", ["name", "participants"])
def test_a_forum_changed_meanwhile_is_not_overwritten_until_it_is_sent_again(client, office, theirs):
    forum = a_forum("Board", code="board", chair=office)
    said = a_rule(forum, chair=office.pk, name="Ours")
    if theirs == "name":
        Forum.objects.update(name="Theirs")
    else:
        forum.participants.add(office)
    path = reverse("reviews:edit_forum", args=["board"])
    response = client.post(path, said)
    assert response.status_code == 422
    assert 'value="Ours"' in response.content.decode()
    assert Forum.objects.get().name != "Ours"
    assert client.post(path, said | {"seen": seen_forum(forum)}).status_code == 303
    assert Forum.objects.get().name == "Ours"


def test_a_day_planned_twice_is_one_review(client, chair):
    forum, day = a_forum(chair=chair), timezone.localdate() + timedelta(days=3)
    for _ in range(2):
        response = client.post(reverse("reviews:plan", args=[forum.code]), {"held_on": str(day)})
        assert response["Location"] == reverse("reviews:review", args=[Review.objects.get().pk])


def test_a_planned_review_can_be_cancelled_and_an_open_one_cannot(client, chair):
    forum = a_forum(chair=chair)
    planned, opened = a_planned_review(forum, on=timezone.localdate() + timedelta(days=3)), an_open_review(forum)
    for review in (planned, opened):
        assert client.post(reverse("reviews:move", args=[review.pk]), {"cancel": "1"}).status_code == 303
    assert list(Review.objects.all()) == [opened]


def test_a_meeting_that_was_held_today_is_not_the_next_one(client, chair):
    today = timezone.localdate()
    forum = a_forum(chair=chair, rule="weekly", weekday=today.weekday())
    page = reverse("reviews:reviews")
    assert [row.on for row in client.get(page).context["meetings"]] == [today]
    a_held_review(forum, at=timezone.now() - timedelta(seconds=1))
    assert [row.on for row in client.get(page).context["meetings"]] == [today + timedelta(days=7)]


def test_live_mode_keeps_comment_action_and_decision_in_one_go_and_leads_on(client, chair):
    review = an_agenda(chair)
    due = timezone.localdate() + timedelta(days=9)
    said = {
        "comment": "Fog.",
        "action": "Ask",
        "action_owner": chair.pk,
        "action_due": str(due),
        "decision": "Keep the goal",
        "outcome": "Kept.",
        "next": "1",
    }
    for _ in range(2):
        response = client.post(live(review), said)
        assert response.status_code == 303
    kpi = Kpi.objects.get()
    assert [(row.kpi, row.body) for row in Commentary.objects.all()] == [(kpi, "Fog.")]
    assert [(row.kpi, row.text, row.due_on) for row in Action.objects.all()] == [(kpi, "Ask", due)]
    assert [(row.kpi, row.outcome, row.review) for row in Decision.objects.all()] == [(kpi, "Kept.", review)]


def test_a_refused_note_keeps_every_word_and_stores_nothing(client, chair):
    review = an_agenda(chair)
    said = {"comment": "Fog again.", "action": "Ask the carriers", "decision": "Keep it"}
    for headers in ({}, HTMX):
        response = client.post(live(review), said, headers=headers)
        text = response.content.decode()
        assert response.status_code == 422
        assert all(words in text for words in said.values())
        assert "Every action has one owner." in text
        assert "Say what was decided" in text
    assert [model.objects.count() for model in (Commentary, Action, Decision)] == [0, 0, 0]


def test_after_saving_by_htmx_the_form_is_empty_and_the_list_has_it(client, chair):
    review = an_agenda(chair)
    said = {"action": "Ask the carriers", "action_owner": chair.pk, "action_due": "2099-01-01"}
    response = client.post(live(review), said, headers=HTMX)
    text = response.content.decode()
    assert "review-noted" in response["HX-Trigger"]
    assert "Ask the carriers" in text
    assert 'value="Ask the carriers"' not in text


def test_a_note_for_a_review_that_was_closed_meanwhile_is_refused_and_kept_in_the_form(client, chair):
    review = an_agenda(chair)
    close_review(review_id=review.pk, summary="", by=chair, now=timezone.now())
    for headers in ({}, HTMX):
        response = client.post(live(review), {"comment": "Too late to say."}, headers=headers)
        assert response.status_code == 422
        assert "Too late to say." in response.content.decode()
        assert "closed meanwhile" in response.content.decode()
    assert not Commentary.objects.exists()


def test_minutes_are_shown_with_the_formatting_they_were_written_in(client, chair):
    review = a_held_review(a_forum(chair=chair), summary="**Agreed:**\n\n- more crews\n- <b>no</b> delay")
    page = client.get(reverse("reviews:review", args=[review.pk])).text
    assert "<strong>Agreed:</strong>" in page
    assert "<li>more crews</li>" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page


def test_live_mode_of_a_closed_review_leads_to_its_minutes(client, chair):
    review = a_held_review(a_forum(chair=chair))
    assert client.get(live(review))["Location"] == reverse("reviews:review", args=[review.pk])
    assert "Read its minutes" in client.get(live(review), headers=HTMX).content.decode()


@pytest.mark.parametrize("item", ["0", "99", "x", "-1", "²"])
def test_a_number_that_is_not_on_the_agenda_shows_its_first_item(client, chair, item):
    review = an_agenda(chair)
    assert b"Arrivals OTA" in client.get(live(review) + f"?item={item}").content


def test_a_kpi_of_the_pack_is_a_link_only_for_those_who_may_open_it(client, chair):
    review = an_agenda(chair)
    kpi_page = reverse("kpi", args=["OTA"])
    guest = a_person("Tom Lindqvist")
    a_role(guest, Role.MEMBER, a_unit("lga"))
    review.forum.participants.add(guest)
    page = reverse("reviews:review", args=[review.pk])
    assert kpi_page in client.get(page).content.decode()
    client.force_login(guest)
    text = client.get(page).content.decode()
    assert "Arrivals OTA" in text
    assert kpi_page not in text


def test_an_initiative_of_the_pack_is_a_link_only_for_those_who_may_open_it(chair):
    content = an_agenda(chair).pack.content
    content["kpis"][0]["initiatives"] = [{"code": "crews", "name": "Train crews", "owner": "Ana", "is_late": False}]
    for may_open_work, url in ((frozenset({"crews"}), "/initiatives/crews/"), (frozenset(), "")):
        shown = table_shown(content, Reader(locale="en", may_open_work=may_open_work))
        (topic,) = [topic for topic in shown.topics if topic.line]
        assert [one["url"] for one in topic.line.initiatives] == [url]


def test_the_downloaded_pack_has_the_sum_that_its_page_names(client, chair):
    review = an_agenda(chair)
    data = client.get(reverse("pack_file", args=[review.pk])).content
    page = client.get(reverse("reviews:pack", args=[review.pk])).content.decode()
    assert hashlib.sha256(data).hexdigest() in page
    assert AuditEntry.objects.latest("pk").after["name"] == f"pack-{review.forum.code}-{review.held_on}.json"
    assert "Unchanged since it was frozen." in page


def test_a_decision_is_put_off_only_to_a_day_to_come(client, chair):
    decision = a_decision(a_forum(chair=chair))
    path = reverse("reviews:decision", args=[decision.pk])
    said = {"state": "due", "due_on": "2001-01-01", "seen": ""}
    assert "That day is over" in client.post(path, said).content.decode()


def test_an_action_ticked_by_htmx_is_answered_with_its_row_and_can_be_undone(client, chair):
    action = an_action(a_held_review(a_forum(chair=chair)))
    path = reverse("reviews:tick", args=[action.pk])
    done = client.post(path, headers=HTMX)
    assert "action-done" in done["HX-Trigger"]
    assert "Undo" in done.content.decode()
    client.post(path, {"undo": "1"}, headers=HTMX)
    action.refresh_from_db()
    assert action.done_on is None


def test_a_tick_leads_back_only_to_pages_of_this_installation(client, chair):
    action = an_action(a_held_review(a_forum(chair=chair)))
    path = reverse("reviews:tick", args=[action.pk])
    assert client.post(path, {"next": "https://elsewhere.example/"})["Location"] == reverse("reviews:reviews")


def test_the_history_goes_on_where_it_ended(client, chair):
    forum = a_forum(chair=chair)
    days = [date(2026, 11, 1) - timedelta(weeks=age) for age in range(15)]
    now = timezone.now()
    Review.objects.bulk_create(
        Review(forum=forum, held_on=day, state="closed", opened_at=now, closed_at=now) for day in days
    )
    first = client.get(reverse("reviews:forum", args=[forum.code]))
    assert len(first.context["held"]) == 12
    later = client.get(reverse("reviews:forum", args=[forum.code]), {"before": first.context["earlier"]})
    assert len(later.context["held"]) == 3
    assert client.get(reverse("reviews:reviews"), {"before": "2026-99-99.1"}).status_code == 200


def test_the_list_asks_as_many_queries_for_eight_forums_as_for_two(client, chair):
    counts = []
    for number in range(8):
        forum = a_forum(f"Board {number}", chair=chair)
        an_action(a_held_review(forum), owner=chair)
        a_decision(forum, owner=chair)
        a_planned_review(forum, on=timezone.localdate())
        if number in (1, 7):
            client.get(reverse("reviews:reviews"))
            with CaptureQueriesContext(connection) as captured:
                client.get(reverse("reviews:reviews"))
            counts.append(len(captured))
    assert counts[0] == counts[1] <= 22


def test_an_initiative_lists_what_was_decided_about_it_to_those_who_may_open_the_forum(client):
    reader = a_person("Lena Brandt")
    a_role(reader, Role.OWNER)
    client.force_login(reader)
    work = an_initiative("Gate turnaround", owner=reader)
    board, other = a_forum("Operations board", participants=[reader]), a_forum("Elsewhere", code="elsewhere")
    a_decision(board, "Fund two pads", initiative=work)
    a_decision(board, "Something else")
    a_decision(other, "Hidden question", initiative=work)
    an_action(a_held_review(board), "Bring quotes", initiative=work)
    page = client.get(reverse("reviews:of_initiative", args=[work.code]), headers={"HX-Request": "true"}).text
    assert "Fund two pads" in page
    assert "Bring quotes" in page
    assert "Something else" not in page
    assert "Hidden question" not in page
    assert "<html" not in page
    its = client.get(reverse("initiatives:initiative", args=[work.code])).text
    assert f'hx-get="{reverse("reviews:of_initiative", args=[work.code])}"' in its


def test_pack_and_live_review_say_which_of_their_values_were_restated_since(client, chair):
    review = an_agenda(chair)
    kpi, now = Kpi.objects.get(), timezone.now()
    monday = (now - WEEK).date() - timedelta(days=now.weekday())
    pages = (live(review), reverse("reviews:pack", args=[review.pk]))
    say(kpi, "66", at=now + timedelta(seconds=1), monday=monday - WEEK)  # is not the value on the table
    assert not any("Restated since the pack was frozen" in client.get(page).content.decode() for page in pages)
    say(kpi, "75", at=now + timedelta(seconds=2), monday=monday)
    sha256 = review.pack.sha256
    for page in pages:
        text = client.get(page).content.decode()
        told = text[text.index("Restated since the pack was frozen") :].split("</ul>")[0]
        assert "70.0" in told
        assert "75.0\u202f%" in told
        assert "70.0" in text.replace(told, "")
    assert sha256 in client.get(pages[1]).content.decode()
    guest = a_person("Peter Haas")
    review.forum.participants.add(guest)
    client.force_login(guest)
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200
        assert "75.0" not in answer.content.decode()
