"""A review from its plan to its minutes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from alerts.models import Delivery, Message
from alerts.services.writing import NotToBeSent, write
from kpiplatform.audit.editing import ChangedMeanwhile, seen
from kpis.models import Kpi
from kpis.readings import Origin, Reading
from kpis.services.notes import comment, explain
from kpis.services.recording import record_measurements
from reviews.domain.frozen import canonical, fingerprint
from reviews.models import Action, Decision, Minutes, Pack, Review
from reviews.services import reviewing
from reviews.services.outcomes import add_action, add_decision, settle_decision, tick_action
from reviews.showing import Reader, table_shown
from tests.factories import NOW, a_kpi, a_person, limits
from tests.reviews.factories import (
    WEEK,
    a_decision,
    a_forum,
    a_held_review,
    a_planned_review,
    an_action,
    an_open_review,
)

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 11, 9)  # the first day of the latest closed week
DAY = timedelta(days=1)


def a_measured_kpi(*values: str, code: str = "OTA", at=NOW - DAY, **fields) -> Kpi:
    """Give a KPI (goal 80, red flag 72) values of the last closed weeks, the latest last."""
    kpi = a_kpi(f"Arrivals {code}", code=code, **fields)
    limits(kpi, recorded_at=NOW - WEEK * 9)
    say(kpi, *values, at=at)
    return kpi


def say(kpi: Kpi, *values: str, at, monday: date = MONDAY) -> None:
    starts = [monday - WEEK * age for age in range(len(values))][::-1]
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=start, period_end=start + WEEK, value=Decimal(value))
            for start, value in zip(starts, values, strict=True)
        ],
        origin=Origin(kind="manual", user_id=kpi.owner_id),
        now=at,
    )


def on_the_agenda(review: Review) -> list[tuple[str, str]]:
    return [(item["section"], item["key"]) for item in review.pack.content["agenda"]]


def test_the_pack_freezes_how_far_each_value_could_be_trusted() -> None:
    a_measured_kpi("80", "81")
    review = an_open_review(a_forum())
    (line,) = table_shown(Pack.objects.get(review=review).content, Reader(locale="en")).objectives[0].lines
    say(Kpi.objects.get(), "85", at=NOW)
    assert line.grade == "D"
    content = Pack.objects.get(review=review).content
    del content["kpis"][0]["confidence"]  # as packs were frozen before
    assert table_shown(content, Reader(locale="en")).objectives[0].lines[0].grade == ""


def test_opening_freezes_what_is_on_the_table_and_later_values_do_not_change_it():
    kpi = a_measured_kpi("85", "70")
    review = an_open_review(a_forum())
    frozen = review.pack.content
    assert on_the_agenda(review) == [("off_track", "OTA")]
    assert frozen["kpis"][0]["value"] == "70"
    say(kpi, "90", at=NOW + DAY)
    limits(kpi, goal=60, red_flag=50, recorded_at=NOW + DAY)
    Kpi.objects.filter(pk=kpi.pk).update(name="Another name")
    stored = Pack.objects.get(review=review)
    shown = table_shown(stored.content, Reader(locale="en"))
    assert stored.content == frozen
    assert [(line.name, line.value, line.band) for line in shown.objectives[0].lines] == [
        ("Arrivals OTA", "70.0", "off_track")
    ]


def test_a_band_is_said_to_last_since_it_began_however_long_that_is():
    a_measured_kpi("85", *["70"] * 30)
    row = an_open_review(a_forum()).pack.content["kpis"][0]
    assert row["band_since"] == (MONDAY - WEEK * 29).isoformat()


def test_the_hash_of_the_stored_pack_is_that_of_its_canonical_bytes_and_shows_a_change():
    a_measured_kpi("85", "70.5")
    pack = Pack.objects.get(review=an_open_review(a_forum()))
    assert fingerprint(pack.content) == pack.sha256
    assert b'"value":"70.5"' in canonical(pack.content)
    changed = pack.content | {"known_at": "2001-01-01"}
    assert fingerprint(changed) != pack.sha256


def test_opening_twice_keeps_the_first_pack():
    review = an_open_review(a_forum())
    first = review.pack.sha256
    a_measured_kpi("70")
    again = reviewing.open_review(review_id=review.pk, now=NOW + DAY)
    assert (again.pack.sha256, again.opened_at) == (first, NOW)


def test_a_review_opened_on_another_day_than_planned_is_a_review_of_that_day():
    forum = a_forum()
    early = reviewing.open_review(review_id=a_planned_review(forum, on=NOW.date() + DAY * 4).pk, now=NOW)
    assert (early.held_on, early.pack.content["held_on"]) == (NOW.date(), "2026-11-22")
    second = reviewing.open_review(review_id=a_planned_review(forum, on=NOW.date() + DAY * 5).pk, now=NOW)
    assert second.held_on == NOW.date() + DAY * 5


def test_values_and_limits_recorded_after_the_opening_do_not_exist_for_a_pack_frozen_later():
    kpi = a_measured_kpi("85", at=NOW - WEEK * 2)
    forum = a_forum()
    say(kpi, "70", at=NOW - DAY)
    then = NOW - DAY * 5
    pack = reviewing.freeze_pack(review=a_planned_review(forum, on=then.date()), at=then, knows_health=False)
    assert (pack.content["kpis"][0]["value"], pack.content["kpis"][0]["health"]) == ("85", "")


def test_since_the_last_review_compares_with_the_pack_of_that_review():
    kpi = a_measured_kpi("85", at=NOW - WEEK * 2, code="FELL")
    other = a_measured_kpi("70", at=NOW - WEEK * 2, code="ROSE")
    forum = a_forum()
    say(kpi, "85", at=NOW - WEEK * 2, monday=MONDAY - WEEK)
    say(other, "70", at=NOW - WEEK * 2, monday=MONDAY - WEEK)
    a_held_review(forum, at=NOW - WEEK)
    say(kpi, "75", at=NOW - DAY)
    say(other, "85", at=NOW - DAY)
    review = an_open_review(forum)
    assert on_the_agenda(review) == [("worse", "FELL")]
    shown = table_shown(review.pack.content, Reader(locale="en"))
    assert [line.code for line in shown.better] == ["ROSE"]
    assert "1 improved and 1 worsened" in shown.lede
    assert shown.topics[0].reasons == ["worse since 15 Nov", "no initiative", "not explained"]


def test_a_changed_value_of_a_closed_period_is_said_to_be_restated():
    kpi = a_measured_kpi("85", at=NOW - WEEK * 2)
    forum = a_forum()
    a_held_review(forum, at=NOW - WEEK)
    say(kpi, "84", at=NOW - DAY)
    restated = an_open_review(forum).pack.content["restated"]
    assert [(row["code"], row["was"], row["now"]) for row in restated] == [("OTA", "85", "84")]
    assert "A" <= restated[0]["was_confidence"] < restated[0]["now_confidence"]  # frozen as they were graded then


def test_an_explanation_counts_while_the_band_it_explains_lasts():
    kpi = a_measured_kpi("70", "85", "70")
    said = {"kpi": kpi, "cause": "Fog", "action": "Wait", "recovery_on": date(2026, 12, 1), "author": kpi.owner}
    explain(**said, period_start=MONDAY - WEEK * 2, now=NOW - DAY)
    forum = a_forum()
    first = reviewing.freeze_pack(review=a_planned_review(forum), at=NOW)
    assert first.content["kpis"][0]["explanation"] is None
    explain(**said, period_start=MONDAY, now=NOW)
    second = reviewing.freeze_pack(review=a_planned_review(forum, on=NOW.date() + DAY), at=NOW + DAY)
    assert second.content["kpis"][0]["explanation"]["cause"] == "Fog"


def test_only_the_tier_and_the_units_of_the_forum_are_on_its_table():
    a_measured_kpi("70", code="STRATEGIC", tier=Kpi.Tier.STRATEGIC)
    a_measured_kpi("70", code="OPERATIONAL")
    forum = a_forum(tier="strategic")
    assert on_the_agenda(an_open_review(forum)) == [("off_track", "STRATEGIC")]


def test_a_decision_that_can_wait_for_the_meeting_after_is_not_on_the_agenda():
    forum = a_forum(rule="weekly", weekday=3)  # NOW is a Sunday: the next meeting is on Thursday
    now, later = a_decision(forum, due_on=date(2026, 11, 25)), a_decision(forum, due_on=date(2026, 11, 26))
    assert on_the_agenda(an_open_review(forum)) == [("decisions", str(now.pk))]
    assert later.state == Decision.State.DUE


def test_an_open_action_is_carried_from_review_to_review_until_it_is_done():
    forum = a_forum()
    action = an_action(a_held_review(forum, at=NOW - WEEK * 2), due_on=(NOW - DAY).date())
    second = a_held_review(forum, at=NOW - WEEK)
    third = an_open_review(forum)
    assert on_the_agenda(second) == on_the_agenda(third) == [("actions", str(action.pk))]
    tick_action(action_id=action.pk, done_on=NOW.date())
    tick_action(action_id=action.pk, done_on=NOW.date() + DAY)
    assert Action.objects.get().done_on == NOW.date()
    assert on_the_agenda(an_open_review(forum, at=NOW + WEEK)) == []


def test_an_action_or_a_decision_sent_twice_is_stored_once():
    review = an_open_review(a_forum())
    owner = a_person()
    for _ in range(2):
        add_action(review_id=review.pk, text="Ask", owner=owner, due_on=NOW.date())
        add_decision(review_id=review.pk, title="Fund it", owner=owner, outcome="Yes", today=NOW.date())
        add_decision(review_id=review.pk, title="Later", owner=owner, due_on=NOW.date(), today=NOW.date())
    assert Action.objects.count() == 1
    assert list(Decision.objects.order_by("title").values_list("title", "state", "review")) == [
        ("Fund it", "taken", review.pk),
        ("Later", "due", None),
    ]


@pytest.mark.parametrize("state", ["planned", "closed"])
def test_only_an_open_review_takes_notes(state):
    forum = a_forum()
    review = a_planned_review(forum) if state == "planned" else a_held_review(forum)
    with pytest.raises(reviewing.NotNow):
        add_action(review_id=review.pk, text="Ask", owner=forum.chair, due_on=NOW.date())
    with pytest.raises(reviewing.NotNow):
        add_decision(review_id=review.pk, title="Fund it", owner=forum.chair, outcome="Yes", today=NOW.date())
    assert not Action.objects.exists()
    assert not Decision.objects.exists()


def test_a_decision_is_not_settled_over_what_somebody_else_said_meanwhile():
    review = an_open_review(a_forum())
    decision = a_decision(review.forum)
    token = seen(decision)
    said = {"decision_id": decision.pk, "due_on": decision.due_on, "today": NOW.date(), "review": review}
    settle_decision(seen=token, state="taken", outcome="Yes.", **said)
    with pytest.raises(ChangedMeanwhile):
        settle_decision(seen=token, state="dropped", outcome="No.", **said)
    decision.refresh_from_db()
    assert (decision.state, decision.outcome, decision.review) == ("taken", "Yes.", review)


def test_closing_composes_minutes_of_who_what_and_what_came_of_it():
    kpi = a_measured_kpi("70")
    chair, member = a_person("Ines Okafor"), a_person("Tom Lindqvist")
    forum = a_forum(chair=chair, participants=[member])
    carried = an_action(a_held_review(forum, at=NOW - WEEK), "Bring quotes")
    review = an_open_review(forum)
    comment(kpi=kpi, body="The fog again.", author=member, now=NOW + DAY / 24)
    add_action(review_id=review.pk, text="Ask the carriers", owner=member, due_on=NOW.date(), kpi=kpi)
    add_decision(review_id=review.pk, title="Keep the goal", owner=chair, outcome="Kept.", today=NOW.date())
    closed = reviewing.close_review(review_id=review.pk, summary="A short one.", by=chair, now=NOW + DAY / 12)
    minutes = Minutes.objects.get(review=closed).content
    assert (closed.state, closed.minutes, minutes["summary"]) == ("closed", "A short one.", "A short one.")
    assert [person["name"] for person in minutes["people"]] == ["Ines Okafor", "Tom Lindqvist"]
    assert [row["name"] for row in minutes["agenda"]] == ["Arrivals OTA"]
    assert [(row["title"], row["outcome"]) for row in minutes["decisions"]] == [("Keep the goal", "Kept.")]
    assert [(row["text"], row["owner"]) for row in minutes["actions"]] == [("Ask the carriers", "Tom Lindqvist")]
    assert [row["text"] for row in minutes["said"]] == ["The fog again."]
    assert [row["text"] for row in minutes["carried"]] == [carried.text]
    assert minutes["pack_sha256"] == closed.pack.sha256


def test_minutes_stay_as_they_were_although_their_actions_go_on():
    forum = a_forum()
    review = an_open_review(forum)
    action = add_action(review_id=review.pk, text="Ask", owner=forum.chair, due_on=NOW.date())
    reviewing.close_review(review_id=review.pk, summary="", by=forum.chair, now=NOW + DAY)
    Action.objects.filter(pk=action.pk).update(text="Asked otherwise", done_on=NOW.date())
    assert [row["text"] for row in Minutes.objects.get().content["actions"]] == ["Ask"]


def test_closing_twice_owes_everybody_who_took_part_one_mail():
    chair, member, asked = a_person("Ines Okafor"), a_person("Tom Lindqvist"), a_person("Sofia Marin")
    gone = a_person("Long Gone", is_active=False)
    forum = a_forum(chair=chair, participants=[chair, member, gone])
    review = an_open_review(forum)
    add_action(review_id=review.pk, text="Ask", owner=asked, due_on=NOW.date())
    for _ in range(2):
        reviewing.close_review(review_id=review.pk, summary="Held.", by=chair, now=NOW + DAY)
    assert Message.objects.get().kind == Message.Kind.MINUTES
    owed = Delivery.objects.order_by("recipient__name").values_list("recipient__name", flat=True)
    assert list(owed) == ["Ines Okafor", "Sofia Marin", "Tom Lindqvist"]


def test_a_closing_that_is_rolled_back_owes_nothing():
    review = an_open_review(a_forum())

    class Stopped(Exception):
        pass

    def close_and_stop():
        with transaction.atomic():
            reviewing.close_review(review_id=review.pk, summary="", by=review.forum.chair, now=NOW)
            raise Stopped

    with pytest.raises(Stopped):
        close_and_stop()
    assert not Message.objects.exists()
    assert Review.objects.get(pk=review.pk).state == Review.State.OPEN


def test_a_review_that_was_never_opened_cannot_be_closed():
    review = a_planned_review(a_forum())
    with pytest.raises(reviewing.NotNow):
        reviewing.close_review(review_id=review.pk, summary="", by=review.forum.chair, now=NOW)


def test_the_mail_says_the_reader_s_own_actions_first_and_leads_to_the_review():
    a_measured_kpi("70")
    chair, member = a_person("Ines Okafor"), a_person("Tom Lindqvist")
    review = an_open_review(a_forum("Executive review", chair=chair, participants=[member]))
    add_action(review_id=review.pk, text="Ask the carriers & wait", owner=member, due_on=date(2026, 12, 1))
    add_decision(review_id=review.pk, title="Keep the goal", owner=chair, outcome="Kept.", today=NOW.date())
    done = add_action(review_id=review.pk, text="Done at once", owner=member, due_on=date(2026, 12, 1))
    tick_action(action_id=done.pk, done_on=NOW.date())
    reviewing.close_review(review_id=review.pk, summary="A **short** one.", by=chair, now=NOW)
    written = write(delivery=Delivery.objects.get(recipient=member), at=NOW)
    text = written.get_body(("plain",)).get_content()
    page = written.get_body(("html",)).get_content()
    assert written["Subject"] == "Minutes: Executive review, 22 Nov 2026: 1 decision, 2 actions"
    assert text.index("1 action is yours.") < text.index("Ask the carriers & wait") < text.index("Keep the goal")
    assert f"/reviews/{review.pk}/" in text
    assert "Ask the carriers &amp; wait" in page
    assert "A <strong>short</strong> one." in page
    assert "No action is yours." in write(delivery=Delivery.objects.get(recipient=chair), at=NOW).as_string()


def test_who_may_not_sign_in_any_more_gets_no_minutes():
    forum = a_forum()
    a_held_review(forum)
    delivery = Delivery.objects.get()
    forum.chair.is_active = False
    forum.chair.save(update_fields=["is_active"])
    with pytest.raises(NotToBeSent):
        write(delivery=Delivery.objects.select_related("recipient", "message").get(pk=delivery.pk), at=NOW)


def test_a_pack_is_frozen_with_as_many_queries_for_eight_kpis_as_for_two():
    forum = a_forum()
    for number in range(2):
        a_measured_kpi("70", code=f"FEW-{number}")
    counts = []
    for day in range(3):
        review = a_planned_review(forum, on=NOW.date() + DAY * day)
        with CaptureQueriesContext(connection) as captured:
            reviewing.freeze_pack(review=review, at=NOW + DAY * day)
        counts.append(len(captured))
        for number in range(6 if day == 1 else 0):
            a_measured_kpi("70", code=f"MANY-{number}")
    assert counts[1] == counts[2] <= 40  # the first has no pack to compare with
