"""From judgements to crossings, incidents and owed messages, on real PostgreSQL."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from alerts.models import AlertRule, AlertState, Announcement, BandCrossing, Delivery, Message
from kpis.models import Evaluation
from tests.alerts.factories import (
    MONDAY,
    OFF,
    ON,
    RISK,
    a_revision,
    a_watched_kpi,
    crossings,
    judge_and_note,
    judged,
    kinds,
    noted,
    week,
)
from tests.factories import a_kpi, a_person

pytestmark = pytest.mark.django_db
ORDER = {"on_track": 0, "at_risk": 1, "off_track": 2}


# --- first load and new values ------------------------------------------------------------------


def test_a_first_load_records_its_crossings_and_tells_nobody():
    kpi = a_kpi()
    judge_and_note(kpi, {week(43): ON, week(44): ON, week(45): RISK, week(46): OFF})
    assert crossings(kpi) == [
        (1, "", "on_track", week(43), "first"),
        (2, "on_track", "at_risk", week(45), "value"),
        (3, "at_risk", "off_track", week(46), "value"),
    ]
    assert not Message.objects.exists()
    note = Announcement.objects.get(kpi=kpi)
    assert (note.subscription.user, note.band, note.seq, note.told_at) == (kpi.owner, "off_track", 3, None)


def test_a_value_that_worsens_the_band_owes_the_owner_one_mail():
    kpi = a_watched_kpi()
    done = judge_and_note(kpi, {week(46): OFF})
    message, delivery = Message.objects.get(), Delivery.objects.get()
    assert (done.crossings, done.deliveries) == (1, 1)
    assert (message.kind, message.kpi, message.crossing.seq, delivery.recipient) == ("worse", kpi, 2, kpi.owner)
    assert message.facts["was"] == "on_track"
    assert (delivery.state, delivery.next_attempt_at) == ("pending", MONDAY)


def test_noting_the_same_judgements_again_changes_nothing():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): OFF})
    before = crossings(kpi), list(AlertState.objects.values()), list(Announcement.objects.values())
    for since in (week(46), week(40), date.min):
        again = noted(kpi, since=since)
        assert (again.crossings, again.deliveries) == (0, 0)
    assert (crossings(kpi), list(AlertState.objects.values()), list(Announcement.objects.values())) == before


def test_a_crossing_keeps_the_value_and_the_limits_it_was_judged_by():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): "78.7"})
    crossing = BandCrossing.objects.get(kpi=kpi, seq=2)
    assert (crossing.value, crossing.goal, crossing.red_flag) == (Decimal("78.7"), 82, 79)
    assert (crossing.period_start, crossing.period_end) == (week(46), week(47))


def test_an_open_period_does_not_alert():
    kpi = a_watched_kpi()
    judged(kpi, {week(46): OFF}, provisional=True)
    noted(kpi, since=week(46))
    assert len(crossings(kpi)) == 1
    assert AlertState.objects.get(kpi=kpi).folded_through == week(45)


def test_an_open_period_alerts_when_the_rule_says_so():
    kpi = a_watched_kpi()
    a_rule(kpi, alert_on_provisional=True)
    judged(kpi, {week(46): OFF}, provisional=True)
    noted(kpi, since=week(46))
    assert crossings(kpi)[-1][2] == "off_track"


def test_a_period_that_lost_its_band_leaves_the_confirmed_band_as_it_was():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): None})
    assert len(crossings(kpi)) == 1
    assert AlertState.objects.get(kpi=kpi).confirmed_band == "on_track"


# --- rules ---------------------------------------------------------------------------------------


def a_rule(kpi, **fields) -> AlertRule:
    fields = {"effective_from": week(1), "recorded_at": MONDAY, "recorded_by": kpi.owner, **fields}
    return AlertRule.objects.create(kpi=kpi, **fields)


def test_a_daily_kpi_needs_two_days_to_change_its_band():
    kpi = a_kpi(frequency="day")
    start = date(2026, 11, 9)
    judge_and_note(kpi, {start + timedelta(days=n): ON for n in range(4)}, days=1)
    judge_and_note(kpi, {date(2026, 11, 13): OFF}, days=1)
    assert AlertState.objects.get(kpi=kpi).pending == ["off_track"]
    judge_and_note(kpi, {date(2026, 11, 14): RISK}, days=1)
    assert crossings(kpi)[-1] == (2, "on_track", "at_risk", date(2026, 11, 14), "value")


def test_a_day_in_the_confirmed_band_ends_what_was_pending():
    kpi = a_kpi(frequency="day")
    days = [date(2026, 11, 10) + timedelta(days=offset) for offset in range(5)]
    judge_and_note(kpi, {days[0]: ON, days[1]: ON}, days=1)
    for day, value, pending in ((days[2], OFF, ["off_track"]), (days[3], ON, []), (days[4], OFF, ["off_track"])):
        judge_and_note(kpi, {day: value}, days=1)
        state = AlertState.objects.get(kpi=kpi)
        assert (state.confirmed_band, state.pending, state.folded_through) == ("on_track", pending, day)


def test_a_margin_keeps_a_hair_of_improvement_from_counting():
    kpi = a_watched_kpi(band=OFF)
    a_rule(kpi, margin=1)
    judge_and_note(kpi, {week(46): "79.5"})
    assert len(crossings(kpi)) == 1
    judge_and_note(kpi, {week(47): "80.5"})
    assert crossings(kpi)[-1][:3] == (2, "off_track", "at_risk")
    assert BandCrossing.objects.get(kpi=kpi, seq=2).rule_version == 1


def test_a_new_rule_leaves_the_time_before_it_alone():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): OFF})
    a_rule(kpi, effective_from=week(47), confirm_periods=3)
    judge_and_note(kpi, {week(47): ON})
    noted(kpi, since=date.min)
    assert [row[3] for row in crossings(kpi)] == [week(36), week(46)]


# --- backfills, old facts, corrections, edits ------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_backfill_of_any_size_makes_at_most_one_message(seed):
    chance = random.Random(seed)
    kpi = a_watched_kpi()
    many = {week(number): chance.choice([ON, RISK, OFF]) for number in range(10, 47)}
    judge_and_note(kpi, many)
    assert Message.objects.count() <= 1
    final = AlertState.objects.get(kpi=kpi).confirmed_band
    assert Announcement.objects.get(kpi=kpi).band == final


@pytest.mark.parametrize("seed", range(8))
def test_however_values_arrive_crossings_chain_and_announcements_follow(seed):
    """Batches, late values and corrections in any order: the end is what the values say, and mails alternate."""
    chance = random.Random(seed)
    kpi = a_watched_kpi()
    for number in range(46, 53):
        starts = [*chance.sample([week(n) for n in range(36, number + 1)], chance.randint(1, 3)), week(number)]
        judge_and_note(
            kpi,
            {start: chance.choice([ON, RISK, OFF]) for start in starts},
            now=MONDAY + timedelta(weeks=number - 46),
            cause=chance.choice(["value", "correction"]),
        )
    rows = crossings(kpi)
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert all(before[2] == after[1] for before, after in itertools.pairwise(rows))
    assert all(row[1] != row[2] for row in rows)
    assert all(before[3] <= after[3] for before, after in itertools.pairwise(rows))
    newest = Evaluation.objects.filter(kpi=kpi).order_by("-period_start").first()
    assert rows[-1][2] == newest.band == AlertState.objects.get(kpi=kpi).confirmed_band
    told = "on_track"
    for message in Message.objects.filter(kpi=kpi).order_by("pk"):
        assert (message.facts["was"], message.facts["band"]) == (told, message.facts["band"])
        assert message.facts["band"] != told
        told = message.facts["band"]
    assert told == newest.band


def test_facts_older_than_the_look_back_tell_nothing_until_a_recent_value_does():
    kpi = a_watched_kpi()
    later = MONDAY + timedelta(weeks=6)
    judge_and_note(kpi, {week(46): OFF}, now=later)
    assert len(crossings(kpi)) == 2
    assert kinds(kpi) == []
    judge_and_note(kpi, {week(52): OFF}, now=later)
    assert kinds(kpi) == ["worse"]


def test_a_revised_value_that_changes_what_was_said_makes_one_correction():
    kpi = a_watched_kpi()
    amara = a_person("Amara Singh")
    judge_and_note(kpi, {week(46): OFF})
    a_revision(kpi, week(46), was=75, value=80, by=amara, note="late diversion records")
    judge_and_note(kpi, {week(46): RISK})
    assert crossings(kpi)[-1] == (3, "off_track", "at_risk", week(46), "correction")
    correction = Message.objects.get(kind="correction").facts["correction"]
    assert correction["label"], correction["was"] == ("W46", "75")
    assert (correction["value"], correction["by"], correction["note"]) == (
        "80",
        "Amara Singh",
        "late diversion records",
    )


def test_a_correction_of_something_told_is_told_at_any_age():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): OFF})
    judge_and_note(kpi, {week(46): ON}, cause="correction", now=MONDAY + timedelta(weeks=9))
    assert kinds(kpi) == ["worse", "correction"]


def test_a_value_that_comes_late_is_no_correction():
    kpi = a_watched_kpi()
    a_rule(kpi, confirm_periods=2)
    judge_and_note(kpi, {week(46): OFF})
    judge_and_note(kpi, {week(45): OFF})
    assert crossings(kpi)[-1] == (2, "on_track", "off_track", week(46), "value")
    assert kinds(kpi) == ["worse"]


def test_nobody_is_told_of_a_recovery_from_what_was_never_told():
    kpi = a_watched_kpi(band=OFF)
    judge_and_note(kpi, {week(46): ON})
    assert crossings(kpi)[-1][1:3] == ("off_track", "on_track")
    assert kinds(kpi) == []


def test_whoever_was_told_of_a_problem_is_told_of_its_end():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): OFF})
    judge_and_note(kpi, {week(47): ON}, now=MONDAY + timedelta(weeks=1))
    assert kinds(kpi) == ["worse", "better"]


def test_an_edit_of_the_limits_is_recorded_and_announces_nothing():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(45): OFF}, cause="edit")
    assert crossings(kpi)[-1] == (2, "on_track", "off_track", week(45), "edit")
    assert kinds(kpi) == []
    note = Announcement.objects.get(kpi=kpi)
    assert (note.band, note.told_at) == ("off_track", None)


def test_values_after_the_last_crossing_only_extend_the_chain():
    """What a revision changes in the recorded past is not recorded a second time."""
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(46): OFF})
    judge_and_note(kpi, {week(38): OFF, week(39): ON}, cause="correction")
    assert [row[3] for row in crossings(kpi)] == [week(36), week(46)]


def test_history_before_the_first_crossing_may_be_loaded_later():
    kpi = a_watched_kpi()
    judge_and_note(kpi, {week(number): OFF for number in range(1, 10)})
    assert [row[3] for row in crossings(kpi)] == [week(36)]
    assert kinds(kpi) == []
