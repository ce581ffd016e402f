"""Of several mails that wait, one is sent; and what is said of sources."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest

from alerts.models import Announcement, Delivery, Message
from alerts.services import deliver_due, delivering, note_bad_pull, writing
from alerts.services.superseding import Told, Waiting, fold_messages
from kpis.domain.sentences import Sentence
from kpis.models import Kpi
from tests.alerts.factories import (
    MONDAY,
    OFF,
    ON,
    RISK,
    Mailbox,
    a_mail_server,
    a_pull,
    a_source,
    a_watched_kpi,
    after,
    an_owed_mail,
    fed_by,
    judge_and_note,
    noted,
    week,
)
from tests.factories import a_kpi

pytestmark = [
    pytest.mark.django_db,
    # The sign-in of the test server needs no TLS: it never leaves this machine.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


def changes(kpi: Kpi, *bands) -> None:
    """Weeks that follow each other, from week 46 on, with nobody sending."""
    for index, band in enumerate(bands):
        judge_and_note(kpi, {week(46 + index): band}, now=after(weeks=index))


def subjects(mailbox: Mailbox) -> list[str]:
    return [message["Subject"] for _, message in mailbox.accepted]


def test_of_several_waiting_mails_one_is_sent_with_the_state_of_now():
    kpi = a_watched_kpi()
    changes(kpi, RISK, OFF)
    with a_mail_server(Mailbox()) as mailbox:
        sweep = deliver_due(now=after(weeks=1))
    assert (sweep.sent, sweep.suppressed) == (1, 1)
    assert subjects(mailbox) == ["LaGuardia on-time arrivals off track: 75.0 % vs 82.0 % (W47)"]
    assert "OFF TRACK (was on track)" in mailbox.accepted[0][1].get_body(("plain",)).get_content()
    newest = Delivery.objects.get(state="sent")
    assert Delivery.objects.get(state="suppressed").reply == f"superseded by {newest.pk}"


def test_a_problem_that_ended_before_it_could_be_told_is_not_mailed_at_all():
    kpi = a_watched_kpi()
    changes(kpi, OFF, ON)
    with a_mail_server(Mailbox()) as mailbox:
        assert deliver_due(now=after(weeks=1)).suppressed == 2
    assert mailbox.accepted == []
    replies = Delivery.objects.order_by("message_id").values_list("reply", flat=True)
    assert replies[1] == "the band is again what was told last"


def test_the_end_of_a_problem_is_mailed_if_its_beginning_may_have_arrived():
    kpi = a_watched_kpi()
    changes(kpi, OFF)
    with a_mail_server(Mailbox(hang_after_data=True, accept_before_hanging=False), timeout=0.5):
        deliver_due(now=MONDAY)
    judge_and_note(kpi, {week(47): ON}, now=after(weeks=1))
    with a_mail_server(Mailbox()) as mailbox:
        deliver_due(now=after(weeks=1))
    assert subjects(mailbox) == ["LaGuardia on-time arrivals back on track: 85.0 % vs 82.0 % (W47)"]


def test_a_mail_set_aside_keeps_its_place_when_the_newer_one_is_set_aside_too():
    kpi = a_watched_kpi()
    changes(kpi, RISK, OFF)
    owner = kpi.owner.email
    with a_mail_server(Mailbox(rcpt={owner: "451 later"})):
        deliver_due(now=after(weeks=1))
    judge_and_note(kpi, {week(48): RISK}, now=after(weeks=2))
    with a_mail_server(Mailbox()) as mailbox:
        deliver_due(now=after(weeks=2))
    assert subjects(mailbox) == ["LaGuardia on-time arrivals at risk: 80.0 % vs 82.0 % (W48)"]
    newest = Delivery.objects.get(state="sent")
    assert set(Delivery.objects.exclude(pk=newest.pk).values_list("reply", flat=True)) == {f"superseded by {newest.pk}"}


def test_a_newer_mail_waits_while_an_older_one_is_in_hand():
    kpi = a_watched_kpi()
    changes(kpi, RISK)
    delivering.claim(at=MONDAY, lease=timedelta(seconds=90))
    judge_and_note(kpi, {week(47): OFF}, now=after(seconds=1))
    with a_mail_server(Mailbox()) as mailbox:
        assert deliver_due(now=after(seconds=2)).sent == 0
        assert deliver_due(now=after(seconds=100)).sent == 1
    assert len(subjects(mailbox)) == 1


def test_what_was_announced_is_what_the_next_mail_starts_from():
    kpi = a_watched_kpi()
    changes(kpi, OFF, ON, RISK)
    assert Announcement.objects.get(kpi=kpi).band == "at_risk"
    with a_mail_server(Mailbox()) as mailbox:
        deliver_due(now=after(weeks=2))
    assert subjects(mailbox) == ["LaGuardia on-time arrivals at risk: 80.0 % vs 82.0 % (W48)"]


def chain(*steps: tuple[str, str, str], told: bool = False, perhaps: int = -1) -> list[Waiting]:
    return [
        Waiting(kind=kind, facts={"was": was, "band": band, "told": told or index > 0}, perhaps_told=index == perhaps)
        for index, (kind, was, band) in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        (chain(("worse", "on_track", "at_risk")), Told(kind="worse", was="on_track")),
        (
            chain(("worse", "on_track", "at_risk"), ("worse", "at_risk", "off_track")),
            Told(kind="worse", was="on_track"),
        ),
        (
            chain(("worse", "on_track", "off_track"), ("better", "off_track", "at_risk")),
            Told(kind="worse", was="on_track"),
        ),
        (
            chain(("worse", "at_risk", "off_track"), ("better", "off_track", "on_track")),
            "it ended before it was told",
        ),
        (
            chain(("worse", "at_risk", "off_track"), ("better", "off_track", "on_track"), told=True),
            Told(kind="better", was="at_risk"),
        ),
        (
            chain(("worse", "on_track", "off_track"), ("correction", "off_track", "on_track")),
            "the band is again what was told last",
        ),
        (
            chain(("worse", "on_track", "off_track"), ("correction", "off_track", "at_risk"), perhaps=0),
            Told(kind="correction", was="off_track"),
        ),
    ],
)
def test_a_chain_of_waiting_messages_says_the_change_as_the_reader_meets_it(waiting, said):
    assert fold_messages(waiting) == said


# --- sources -------------------------------------------------------------------------------------


def test_the_third_failure_in_a_row_is_mailed_once_with_the_kpis_concerned():
    source = a_source()
    fed_by(source, a_kpi("Arrivals", code="ARR", owner=source.owner), a_kpi("Departures", code="DEP"))
    new = []
    for count in range(1, 6):
        source.consecutive_failures = count
        source.save()
        pull = a_pull(source, at=after(minutes=count), error=Sentence("flights.csv: column dep_delay is missing"))
        new.append(note_bad_pull(pull=pull, now=after(minutes=count)))
    assert new == [False, False, True, False, False]
    with a_mail_server(Mailbox()) as mailbox:
        assert deliver_due(now=after(minutes=9)).sent == 1
    text = mailbox.accepted[0][1].get_body(("plain",)).get_content()
    assert mailbox.recipients == [source.owner.email]
    assert "ARR  Arrivals" in text
    assert "DEP" not in text, "its owner may not see that KPI"
    assert "column dep_delay is missing" in text


def test_a_source_that_fails_again_after_a_success_is_mailed_again():
    source = a_source(consecutive_failures=3)
    assert note_bad_pull(pull=a_pull(source), now=MONDAY)
    source.last_applied_at = after(days=1)
    source.save()
    assert note_bad_pull(pull=a_pull(source, at=after(days=4)), now=after(days=4))


def test_a_held_pull_is_mailed_at_once():
    pull = a_pull(a_source(), state="suspect", error=Sentence("12 rows where about 950 are usual"))
    assert note_bad_pull(pull=pull, now=MONDAY)
    assert not note_bad_pull(pull=pull, now=MONDAY)
    assert Message.objects.get().kind == "suspect"


def test_the_receivers_note_and_ring_the_bell(django_capture_on_commit_callbacks):
    from kpis.signals import kpis_judged

    kpi = a_watched_kpi()
    noted(kpi)
    judge_rows = {week(46): OFF}
    from tests.alerts.factories import judged

    judged(kpi, judge_rows)
    with mock.patch("alerts.tasks.deliver.delay") as bell, django_capture_on_commit_callbacks(execute=True):
        kpis_judged.send(sender=None, kpi_ids=[kpi.pk], judged_from={kpi.pk: week(46)}, cause="value", now=MONDAY)
    assert Message.objects.count() == 1
    bell.assert_called_once_with()


def test_the_writer_refuses_an_address_that_is_none():
    delivery = an_owed_mail()
    delivery.recipient.email = "nobody at example.com"
    with pytest.raises(writing.Undeliverable):
        writing.write(delivery=delivery, at=MONDAY)
