"""Broker and repetition: nothing depends on a message that arrives, and nothing happens twice when five do."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alerts.models import AlertState, Announcement, BandCrossing, Delivery, Incident, Message
from kpis.domain.periods import Calendar, Period, period_of, previous_period
from kpis.models import Evaluation, Kpi, KpiState, Measurement, MeasurementRevision
from kpis.readings import Origin, Reading
from kpis.services.judging import judge
from kpis.services.recording import record_measurements
from objectives.models import ObjectiveState, Role
from tests.alerts.factories import Mailbox
from tests.factories import a_kpi, a_person, a_role, an_objective, limits
from tests.faults.test_worker_faults import waits_for_lock
from tests.journeys.processes import Broker, Worker, eventually

pytestmark = pytest.mark.django_db(transaction=True)
GOOD, BAD = 86, 60


def closed_weeks(count: int) -> list[Period]:
    """The latest weeks that are over, oldest first."""
    week, weeks = period_of(timezone.now().date(), "week", Calendar()), []
    for _ in range(count):
        week = previous_period(week, Calendar())
        weeks.append(week)
    return weeks[::-1]


def say(kpis: list[Kpi], week: Period, value: Callable[[int], int], *, judged: bool) -> None:
    """Record the value of a week for each KPI, by its number; judged now, or owed to the workers."""
    readings = [
        Reading(kpi_id=kpi.pk, period_start=week.start, period_end=week.end, value=Decimal(value(number)))
        for number, kpi in enumerate(kpis)
    ]
    origin = Origin(kind="manual", user_id=kpis[0].owner_id)
    record_measurements(readings=readings, origin=origin, now=timezone.now(), judge=judged)


def kpis_on_track(count: int, *, code: str = "KPI") -> list[Kpi]:
    """KPIs of one objective whose first load, up to the week before the last, was on track."""
    *weeks, _ = closed_weeks(4)
    owner = a_person(f"Owner of {code}")
    a_role(owner, Role.OWNER)
    objective = an_objective(f"Objective of {code}", owner=owner)
    kpis = [
        a_kpi(f"{code} {number}", code=f"{code}-{number}", objective=objective, owner=owner, active_from=weeks[0].start)
        for number in range(count)
    ]
    for kpi in kpis:
        limits(kpi, recorded_at=timezone.now() - timedelta(days=30))
    for week in weeks:
        say(kpis, week, lambda number: GOOD + number % 3, judged=True)
    return kpis


def assert_told_once(kpi: Kpi, post: Mailbox) -> None:
    """One crossing after the first, one message, one delivery, one mail."""
    assert list(BandCrossing.objects.filter(kpi=kpi).order_by("seq").values_list("to_band", flat=True)) == [
        "on_track",
        "off_track",
    ]
    assert Message.objects.filter(kpi=kpi).count() == Delivery.objects.filter(message__kpi=kpi).count() == 1
    assert Delivery.objects.get(message__kpi=kpi).state == "sent"
    assert post.recipients == [kpi.owner.email]


def test_a_broker_that_forgets_everything_costs_a_sweep_and_nothing_else(
    worker_of: Callable[..., Worker], broker: Broker, post: Mailbox
) -> None:
    (kpi,) = kpis_on_track(1)
    week = closed_weeks(1)[0]
    say([kpi], week, lambda _: BAD, judged=False)
    assert broker.waiting("evaluate") == 1
    broker.client.flushall()
    assert broker.waiting("evaluate") == 0
    assert not Evaluation.objects.filter(kpi=kpi, period_start=week.start).exists()
    worker_of(beat=True)
    eventually(lambda: post.accepted, "a mail that nobody rang for")
    eventually(lambda: Delivery.objects.filter(state="sent").exists(), "the note that it was sent")
    assert Evaluation.objects.get(kpi=kpi, period_start=week.start).band == "off_track"
    assert_told_once(kpi, post)


def test_a_value_typed_while_the_broker_is_down_is_stored_and_judged_and_its_mail_goes_once_it_is_back(
    worker_of: Callable[..., Worker], broker: Broker, post: Mailbox, client: Client
) -> None:
    (kpi,) = kpis_on_track(1)
    week = closed_weeks(1)[0]
    worker = worker_of(beat=True).ready()
    broker.kill()
    client.force_login(kpi.owner)
    response = client.post(
        reverse("my:cell", args=[kpi.code, week.start]), {"value": str(BAD), "seq": "0", "sure": "1"}
    )
    assert response.status_code == 303
    assert "saved" in client.get(response["Location"]).content.decode()
    assert KpiState.objects.get(kpi=kpi).band == "off_track"
    assert Delivery.objects.get().state == "pending"
    broker.start()
    eventually(lambda: Delivery.objects.get().state == "sent", "the mail, sent by the worker that lost its broker")
    assert_told_once(kpi, post)
    assert worker.running is not None
    assert worker.running.poll() is None


def test_a_task_delivered_five_times_at_once_has_the_effect_of_one(
    worker_of: Callable[..., Worker], broker: Broker, post: Mailbox
) -> None:
    (kpi,) = kpis_on_track(1)
    say([kpi], closed_weeks(1)[0], lambda _: BAD, judged=False)
    for _ in range(4):
        broker.send("kpis.tasks.evaluate_kpis", [kpi.pk])
    assert broker.waiting("evaluate") == 5
    with transaction.atomic():
        KpiState.objects.select_for_update().get(kpi=kpi)
        worker = worker_of(concurrency=5)
        eventually(lambda: waits_for_lock(5), "five children that want to judge the KPI")
    worker.says("kpis.tasks.evaluate_kpis[", times=10)
    for _ in range(5):
        broker.send("alerts.tasks.deliver", queue="deliver")
    eventually(lambda: Delivery.objects.filter(state="sent").exists(), "a mail")
    broker.send("alerts.tasks.sweep_deliveries", queue="deliver")
    worker.says("alerts.tasks.sweep_deliveries", times=3)
    assert_told_once(kpi, post)
    assert worker.said().count("raised") == 0


def left_behind(kpis: list[Kpi]) -> dict[str, list[Any]]:
    """Return what judging has left of some KPIs, by their numbers instead of their ids and without times."""
    number = {kpi.pk: at for at, kpi in enumerate(kpis)}
    of, of_kpi = {"kpi__in": kpis}, "kpi_id"
    rows = {
        "measurements": Measurement.objects.filter(**of).values_list(of_kpi, "period_start", "value", "seq"),
        "revisions": MeasurementRevision.objects.filter(**of).values_list(of_kpi, "period_start", "seq", "value"),
        "evaluations": Evaluation.objects.filter(**of).values_list(
            of_kpi, "period_start", "value", "goal", "red_flag", "score", "band", "is_provisional"
        ),
        "states": KpiState.objects.filter(**of).values_list(
            of_kpi, "value", "previous_value", "score", "band", "band_since", "signal", "dirty_from", "health"
        ),
        "alert states": AlertState.objects.filter(**of).values_list(
            of_kpi, "confirmed_band", "confirmed_since", "folded_through", "seq"
        ),
        "crossings": BandCrossing.objects.filter(**of).values_list(
            of_kpi, "seq", "from_band", "to_band", "period_start", "cause", "value"
        ),
        "incidents": Incident.objects.filter(**of).values_list(of_kpi, "opened_by__seq", "worst_band"),
        "announcements": Announcement.objects.filter(**of).values_list(of_kpi, "band", "seq"),
        "messages": Message.objects.filter(**of).values_list(of_kpi, "kind", "crossing__seq"),
        "deliveries": Delivery.objects.filter(message__in=Message.objects.filter(**of)).values_list(
            "message__kpi_id", "channel", "recipient__name"
        ),
    }
    left = {table: sorted((number[row[0]], *row[1:]) for row in found) for table, found in rows.items()}
    objective = ObjectiveState.objects.filter(objective__kpis__in=kpis).distinct()
    left["objectives"] = list(
        objective.values_list("score", "band", "worst_score", "coverage", "on_track", "at_risk", "off_track")
    )
    return left


def test_two_workers_at_once_on_overlapping_kpis_leave_the_same_rows_as_one(
    worker_of: Callable[..., Worker], broker: Broker
) -> None:
    alone, together = kpis_on_track(24, code="ALONE"), kpis_on_track(24, code="TOGETHER")
    workers = [worker_of("first"), worker_of("second")]
    for worker in workers:
        worker.ready()
    week = closed_weeks(1)[0]
    chance = random.Random(20261122)
    value = (BAD, 75, GOOD)
    say(alone, week, lambda number: value[number % 3], judged=False)
    judge(kpi_ids=[kpi.pk for kpi in alone], now=timezone.now())
    say(together, week, lambda number: value[number % 3], judged=False)
    for _ in range(16):
        broker.send("kpis.tasks.evaluate_kpis", [kpi.pk for kpi in chance.sample(together, 10)])
    broker.send("kpis.tasks.sweep_evaluations")
    eventually(lambda: not KpiState.objects.filter(dirty_since__isnull=False).exists(), "everything judged")
    eventually(
        lambda: sum(worker.said().count("kpis.tasks.evaluate_kpis[") for worker in workers) >= 2 * 18, "the last task"
    )
    assert all("kpis.tasks.evaluate_kpis[" in worker.said() for worker in workers)
    assert not [worker.said() for worker in workers if "Traceback" in worker.said()]
    one, two = left_behind(alone), left_behind(together)
    assert [row[:4] for row in two["crossings"] if row[1] == 2][:2] == [
        (0, 2, "on_track", "off_track"),
        (1, 2, "on_track", "at_risk"),
    ]
    two["deliveries"] = [(*row[:-1], row[-1].replace("TOGETHER", "ALONE")) for row in two["deliveries"]]
    assert two == one
