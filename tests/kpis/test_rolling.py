"""Roll-ups after a judgement: what an objective keeps of its parts tells the same as all of them read anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from kpis import tasks
from kpis.models import Kpi
from kpis.readings import Origin, Reading
from kpis.services.defining import move_on, set_weight
from kpis.services.recording import record_measurements
from kpis.services.rolling import Standing, roll_up_due, roll_up_judged, roll_up_objectives
from objectives.models import Objective, ObjectiveState, Organisation
from objectives.services.strategy import judge_by_hand, weigh_objective
from tests.factories import NOW, a_kpi, an_objective, limits

pytestmark = pytest.mark.django_db
W45, W46 = date(2026, 11, 2), date(2026, 11, 9)
TOMORROW = NOW + timedelta(days=1)


def measured(kpi: Kpi, value: str | None, start: date = W46, now=NOW) -> None:
    reading = Reading(
        kpi_id=kpi.pk,
        period_start=start,
        period_end=start + timedelta(days=7),
        value=None if value is None else Decimal(value),
        state="not_applicable" if value is None else "reported",
        reason="closed" if value is None else "",
    )
    record_measurements(readings=[reading], origin=Origin(kind="manual", note="", user_id=kpi.owner_id), now=now)


def a_judged_kpi(objective: Objective, value: str = "80") -> Kpi:
    kpi = a_kpi(objective=objective)
    limits(kpi)
    measured(kpi, value)
    return kpi


def rolled() -> list[dict[str, object]]:
    columns = [field.name for field in ObjectiveState._meta.fields if field.name != "computed_at"]
    return list(ObjectiveState.objects.order_by("pk").values(*columns))


def hold(now=NOW) -> bool:
    """Return whether the stored roll-ups are those of all parts read anew."""
    kept = rolled()
    roll_up_objectives(objective_ids=Objective.objects.values_list("pk", flat=True), now=now)
    return kept == rolled()


def score(objective: Objective) -> Decimal | None:
    return ObjectiveState.objects.get(objective=objective).score


@pytest.fixture
def family() -> tuple[Objective, Objective, Kpi, Kpi, Kpi]:
    """A parent with a KPI of its own above an objective of two KPIs."""
    above = an_objective("Be chosen")
    below = an_objective(parent=above)
    return above, below, a_judged_kpi(above), a_judged_kpi(below), a_judged_kpi(below, "72")


def test_what_is_kept_tells_the_same_as_all_parts_read_anew(family):
    above, below, own, first, second = family
    for kpi, value in ((first, "75"), (second, "90"), (own, "10"), (first, None), (second, None), (first, "77")):
        measured(kpi, value, now=NOW)
        assert hold()
    set_weight(kpi=second, weight=Decimal(3), effective_from=W45, by=own.owner, now=NOW)
    weigh_objective(objective=below, weight=Decimal(5), effective_from=W45, by=own.owner, now=NOW)
    measured(second, "74")
    assert hold()
    move_on(kpi=first, to="retired", by=own.owner, now=NOW)
    measured(second, "76")
    assert hold()
    assert (score(below), score(above)) == (Decimal("5.0000"), Decimal("4.1667"))


def test_a_judgement_reads_and_writes_the_objectives_in_two_queries(family):
    _above, below, _own, first, _second = family
    with CaptureQueriesContext(connection) as queries:
        roll_up_judged(standings=[Standing(first.pk, below.pk, Decimal("9.0000"), "on_track")], now=NOW)
    assert len(queries) == 2
    assert score(below) == Decimal("6.1666")


def test_an_objective_that_stays_as_it_was_is_not_written(family):
    *_, first, _second = family
    measured(first, "80", start=W45, now=TOMORROW)
    assert set(ObjectiveState.objects.values_list("computed_at", flat=True)) == {NOW}
    measured(first, "81", now=TOMORROW)
    assert set(ObjectiveState.objects.values_list("computed_at", flat=True)) == {TOMORROW}


def test_a_weight_and_a_manual_score_count_from_their_day_on(family):
    above, below, own, first, second = family
    day = NOW.date() + timedelta(days=7)
    set_weight(kpi=second, weight=Decimal(0), effective_from=day, by=own.owner, now=NOW)
    said = {"score": Decimal(9), "confidence": 80, "note": "seen on site", "by": own.owner}
    judge_by_hand(objective=above, effective_from=day + timedelta(days=1), now=NOW, **said)
    Objective.objects.filter(pk=above.pk).update(roll_up_method="manual")
    for days, value, of_below, by_hand in (
        (6, "78", "4.5833", None),
        (7, "76", "5.0000", None),
        (8, "74", "4.1667", 9),
    ):
        measured(first, value, now=NOW + timedelta(days=days))
        assert (score(below), score(above)) == (Decimal(of_below), by_hand)


def test_on_its_day_a_weight_counts_without_any_judgement(family):
    above, below, own, _first, second = family
    day = NOW.date() + timedelta(days=7)
    set_weight(kpi=second, weight=Decimal(0), effective_from=day, by=own.owner, now=NOW)
    before, on_the_day = day - timedelta(days=1), datetime.combine(day, time(0, 1), UTC)
    assert roll_up_due(now=datetime.combine(before, time(23, 59), UTC)) == 0
    assert (score(below), score(above)) == (Decimal("5.0000"), Decimal("5.8334"))
    assert roll_up_due(now=on_the_day) == 1
    assert (score(below), score(above)) == (Decimal("6.6667"), Decimal("6.6667"))
    assert roll_up_due(now=on_the_day) == 0


@pytest.mark.parametrize(
    ("zone", "hour", "counts"),
    [("Pacific/Auckland", 10, False), ("Pacific/Auckland", 11, True), ("America/Los_Angeles", 31, False)],
)
def test_a_weight_counts_from_midnight_where_the_organisation_is(family, zone, hour, counts):
    _above, _below, own, _first, second = family
    Organisation.objects.update_or_create(pk=1, defaults={"name": "Harbor", "time_zone": zone})
    day = NOW.date() + timedelta(days=3)
    set_weight(kpi=second, weight=Decimal(0), effective_from=day, by=own.owner, now=NOW)
    at = datetime.combine(day - timedelta(days=1), time(), UTC) + timedelta(hours=hour)
    assert roll_up_due(now=at) == int(counts)


def test_on_its_day_a_manual_score_counts_without_any_judgement(family):
    above, _below, own, *_ = family
    days = [NOW.date() + timedelta(days=count) for count in (3, 5)]
    for day, by_hand in zip(days, (9, 2), strict=True):
        said = {"score": Decimal(by_hand), "confidence": 80, "note": "seen on site", "by": own.owner}
        judge_by_hand(objective=above, effective_from=day, now=NOW, **said)
    Objective.objects.filter(pk=above.pk).update(roll_up_method="manual")
    for day, by_hand in zip(days, (9, 2), strict=True):
        with travel(datetime.combine(day, time(6), UTC), tick=False):
            tasks.tick()
        assert score(above) == by_hand


def test_a_retired_objective_is_not_looked_at_again_and_again(family):
    _above, below, own, _first, second = family
    set_weight(kpi=second, weight=Decimal(0), effective_from=NOW.date(), by=own.owner, now=NOW - timedelta(days=1))
    Objective.objects.filter(pk=below.pk).update(status="retired")
    assert roll_up_due(now=NOW) == 0


def test_a_lower_objective_without_a_band_does_not_count_above(family):
    above, below, own, first, _second = family
    Objective.objects.filter(pk=below.pk).update(minimum_coverage="0.9")
    measured(first, None)
    assert (score(below), score(above)) == (Decimal("3.3333"), Decimal("6.6667"))
    measured(own, "78")
    assert score(above) == Decimal("5.8333")
    roll_up_objectives(objective_ids=[above.pk], now=NOW)
    assert score(above) == Decimal("5.8333")


def test_a_kpi_that_an_objective_does_not_know_is_read_anew(family):
    _above, below, _own, _first, _second = family
    a_judged_kpi(below, "90")
    assert ObjectiveState.objects.get(objective=below).total == 3
    assert hold()
