"""The road from a recorded value to an accepted mail, with nothing put in by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from alerts.models import BandCrossing, Message
from alerts.services import deliver_due
from kpis.models import Kpi
from kpis.readings import Origin, Reading
from kpis.services.judging import rejudge
from kpis.services.recording import record_measurements
from tests.alerts.factories import MONDAY, Mailbox, a_mail_server, week
from tests.factories import a_kpi, limits

pytestmark = pytest.mark.django_db


def record(kpi: Kpi, values: dict[date, str], *, now=MONDAY, note: str = "", state: str = "reported") -> None:
    record_measurements(
        readings=[
            Reading(
                kpi_id=kpi.pk,
                period_start=start,
                period_end=start + timedelta(days=7),
                value=Decimal(value),
                state=state,
            )
            for start, value in values.items()
        ],
        origin=Origin(kind="correction" if note else "manual", note=note, user_id=kpi.owner_id),
        now=now,
    )


def a_kpi_with_history() -> Kpi:
    kpi = a_kpi("LaGuardia on-time arrivals")
    limits(kpi, goal=82, red_flag=79)
    record(kpi, {week(number): "85" for number in range(34, 46)}, now=MONDAY - timedelta(days=7))
    return kpi


def subjects(now) -> list[str]:
    with a_mail_server(Mailbox()) as mailbox:
        deliver_due(now=now)
    return [message["Subject"] for _, message in mailbox.accepted]


def test_a_value_below_the_red_flag_a_correction_and_a_recovery_each_make_one_mail():
    kpi = a_kpi_with_history()
    assert subjects(MONDAY) == []
    record(kpi, {week(46): "78.7"})
    assert subjects(MONDAY) == ["LaGuardia on-time arrivals off track: 78.7 % vs 82.0 % (W46)"]
    tuesday = MONDAY + timedelta(days=1)
    record(kpi, {week(46): "79.6"}, now=tuesday, note="late diversion records")
    assert subjects(tuesday) == [
        "Correction: LaGuardia on-time arrivals at risk, not off track: 79.6 % vs 82.0 % (W46)"
    ]
    correction = Message.objects.get(kind="correction").facts["correction"]
    assert (correction["was"], correction["by"]) == ("78.7", kpi.owner.name)
    later = MONDAY + timedelta(weeks=1)
    record(kpi, {week(47): "84"}, now=later)
    assert subjects(later) == ["LaGuardia on-time arrivals back on track: 84.0 % vs 82.0 % (W47)"]
    causes = BandCrossing.objects.filter(kpi=kpi).order_by("seq").values_list("cause", flat=True)
    assert list(causes) == ["first", "value", "correction", "value"]


def test_closing_a_provisional_week_is_news_and_no_correction():
    kpi = a_kpi_with_history()
    record(kpi, {week(46): "80"}, now=MONDAY - timedelta(days=2), state="provisional")
    assert Message.objects.count() == 0
    record(kpi, {week(46): "78.7"})
    assert Message.objects.get().kind == "worse"


def test_a_raised_goal_is_recorded_and_mails_nobody():
    kpi = a_kpi_with_history()
    limits(kpi, goal=90, red_flag=86, since=week(40), recorded_at=MONDAY)
    rejudge(kpi_ids=[kpi.pk], since=week(40), now=MONDAY)
    assert BandCrossing.objects.filter(kpi=kpi).latest("seq").cause == "edit"
    assert subjects(MONDAY) == []
