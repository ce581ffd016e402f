"""What a subscription is told: the announced band is reconciled with the confirmed one."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.domain.announce import Announcement, decide, look_back_start
from alerts.domain.fold import Fact, Rule, fold
from kpis.domain.bands import severity
from kpis.domain.periods import Calendar, WorkingDays

DAY = timedelta(days=1)
TODAY = date(2026, 11, 22)
LOOK_BACK = date(2026, 10, 1)
OCTOBER, JULY = date(2026, 10, 1), date(2026, 7, 1)
ON, RISK, OFF = "on_track", "at_risk", "off_track"


def told(announced, confirmed, *, told=True, newest_period=OCTOBER, cause="value"):
    return decide(announced, confirmed, told=told, newest_period=newest_period, look_back_from=LOOK_BACK, cause=cause)


@pytest.mark.parametrize("confirmed", [ON, RISK, OFF])
@pytest.mark.parametrize("newest", [OCTOBER, JULY])
@pytest.mark.parametrize("cause", ["value", "correction", "edit"])
def test_a_first_load_is_noted_in_silence(confirmed, newest, cause):
    decision = told(None, confirmed, told=False, newest_period=newest, cause=cause)
    assert decision == Announcement(kind="first", send=False, band=confirmed, told=False)


@pytest.mark.parametrize("announced", [None, ON, OFF])
def test_nothing_confirmed_is_nothing_to_tell(announced):
    assert told(announced, "") == Announcement(kind="none", send=False, band=announced, told=True)


@pytest.mark.parametrize("cause", ["value", "correction", "edit"])
def test_what_was_announced_already_is_not_told_again(cause):
    assert told(OFF, OFF, cause=cause) == Announcement(kind="none", send=False, band=OFF, told=True)


@pytest.mark.parametrize(
    ("announced", "confirmed", "was_told", "kind", "send", "is_told"),
    [
        (ON, OFF, True, "worse", True, True),
        (ON, RISK, False, "worse", True, True),
        (RISK, OFF, False, "worse", True, True),
        (OFF, RISK, True, "better", True, True),
        (OFF, ON, True, "better", True, True),
        (OFF, ON, False, "better", False, False),
        (OFF, RISK, False, "better", False, False),
    ],
)
def test_a_change_is_told_but_no_recovery_of_what_was_never_told(announced, confirmed, was_told, kind, send, is_told):
    decision = told(announced, confirmed, told=was_told)
    assert decision == Announcement(kind=kind, send=send, band=confirmed, told=is_told)


@pytest.mark.parametrize(("announced", "confirmed"), [(ON, OFF), (OFF, ON)])
@pytest.mark.parametrize("newest", [JULY, None])
def test_old_facts_alone_tell_nothing_and_leave_it_to_be_told(announced, confirmed, newest):
    decision = told(announced, confirmed, newest_period=newest)
    assert decision == Announcement(kind="none", send=False, band=announced, told=True)
    assert told(decision.band, confirmed, newest_period=OCTOBER).send


@pytest.mark.parametrize("newest", [JULY, OCTOBER])
@pytest.mark.parametrize(("announced", "confirmed"), [(OFF, ON), (ON, RISK)])
def test_a_correction_takes_back_what_was_told_at_any_age(newest, announced, confirmed):
    decision = told(announced, confirmed, newest_period=newest, cause="correction")
    assert decision == Announcement(kind="correction", send=True, band=confirmed, told=True)


def test_a_correction_of_what_was_never_told_is_news_like_any_other():
    assert told(ON, OFF, told=False, cause="correction").kind == "worse"
    assert told(OFF, ON, told=False, cause="correction").send is False
    assert told(ON, OFF, told=False, newest_period=JULY, cause="correction").kind == "none"


@pytest.mark.parametrize(
    ("announced", "confirmed", "is_told"),
    [(OFF, ON, False), (OFF, RISK, True), (RISK, OFF, True), (ON, RISK, False), (ON, OFF, False)],
)
def test_an_edit_is_quiet_and_remembers_a_problem_it_did_not_end(announced, confirmed, is_told):
    decision = told(announced, confirmed, cause="edit")
    assert decision == Announcement(kind="none", send=False, band=confirmed, told=is_told)


# --- the look-back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frequency", "lag", "working", "periods", "start"),
    [
        ("month", 0, None, 1, date(2026, 10, 1)),
        ("month", 0, None, 3, date(2026, 8, 1)),
        ("month", 21, None, 1, date(2026, 10, 1)),
        ("month", 22, None, 1, date(2026, 9, 1)),
        ("month", 45, None, 1, date(2026, 9, 1)),
        ("week", 1, None, 1, date(2026, 11, 9)),
        ("week", 5, WorkingDays(), 1, date(2026, 11, 9)),
        ("week", 7, None, 1, date(2026, 11, 2)),
        ("day", 0, None, 1, date(2026, 11, 21)),
        ("day", 1, None, 1, date(2026, 11, 20)),
        ("year", 30, None, 1, date(2025, 1, 1)),
    ],
)
def test_the_look_back_counts_from_the_newest_period_past_due(frequency, lag, working, periods, start):
    assert (
        look_back_start(
            today=TODAY, frequency=frequency, calendar=Calendar(), lag_days=lag, working=working, periods=periods
        )
        == start
    )


def test_by_default_one_closed_period_may_still_alert():
    assert look_back_start(today=TODAY, frequency="month", calendar=Calendar()) == date(2026, 10, 1)


# --- invariants over whole lives of a subscription ----------------------------------------------

RULE = Rule(confirm=1)
# Each step: which periods get which band, in one transaction. Day n is the n-th period.
steps = st.lists(st.dictionaries(st.integers(0, 12), st.sampled_from([ON, RISK, OFF]), min_size=1), max_size=8)


def live(steps, *, first_today=4):
    """Play steps as transactions, one a day; return what was decided and the confirmed band after each."""
    revisions: dict[int, str] = {}
    announced, is_told, lived = None, False, []
    for number, step in enumerate(steps):
        today = first_today + number
        arrived = {period: band for period, band in step.items() if period < today}
        corrected = any(revisions.get(period, band) != band for period, band in arrived.items())
        revisions |= arrived
        facts = [Fact(period_start=TODAY + period * DAY, band=band) for period, band in revisions.items()]
        state = fold(facts, RULE).state
        decision = decide(
            announced,
            state.confirmed,
            told=is_told,
            newest_period=max((TODAY + period * DAY for period in arrived), default=None),
            look_back_from=TODAY + (today - 1) * DAY,
            cause="correction" if corrected else "value",
        )
        lived.append((announced, state.confirmed, arrived, today, decision))
        announced, is_told = decision.band, decision.told
    return lived


@settings(deadline=None, max_examples=60)
@given(steps=steps)
def test_messages_alternate_and_chain(steps):
    sent = [(announced, decision) for announced, _, _, _, decision in live(steps) if decision.send]
    previous = None
    for announced, decision in sent:
        assert announced is not None
        assert announced != decision.band
        if previous is not None:
            assert announced == previous
        previous = decision.band


@settings(deadline=None, max_examples=60)
@given(steps=steps)
def test_after_a_recent_fact_announced_equals_confirmed(steps):
    for _, confirmed, arrived, today, decision in live(steps):
        if arrived and max(arrived) == today - 1:
            assert decision.band == confirmed


@settings(deadline=None, max_examples=60)
@given(steps=steps)
def test_nobody_gets_a_recovery_or_correction_before_a_message_of_a_problem(steps):
    sent = [(announced, decision) for announced, _, _, _, decision in live(steps) if decision.send]
    if sent:
        assert sent[0][1].kind == "worse"
        assert severity(sent[0][1].band) > severity(sent[0][0])


@settings(deadline=None, max_examples=60)
@given(steps=steps)
def test_old_facts_alone_send_nothing_but_the_taking_back_of_something_told(steps):
    for _, _, arrived, today, decision in live(steps):
        if not arrived or max(arrived) < today - 1:
            assert not decision.send or decision.kind == "correction"


@settings(deadline=None, max_examples=60)
@given(backfill=st.dictionaries(st.integers(0, 12), st.sampled_from([ON, RISK, OFF]), min_size=1))
def test_a_first_load_of_any_size_sends_nothing(backfill):
    assert not any(decision.send for *_, decision in live([backfill], first_today=14))
