"""What is locked stands with its judgement: nothing that judges, weighs or places KPIs reaches behind a lock."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from kpiplatform.audit.editing import seen
from kpis.models import Evaluation, Kpi, KpiVersion, KpiWeight, PeriodLock, PeriodReopening, Target, ThresholdSet
from kpis.readings import Origin, Reading
from kpis.services.aiming import set_target, set_thresholds
from kpis.services.defining import SHEET, define, set_weight
from kpis.services.recording import record_measurements
from kpis.services.refusal import Refused
from objectives.models import ManualScore, ObjectiveWeight, Role, Unit
from objectives.services import refusal as organisation
from objectives.services.strategy import judge_by_hand, weigh_objective
from objectives.services.units import edit_unit
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, limits, the_calendar, the_company

pytestmark = pytest.mark.django_db
W44, W45, W46 = date(2026, 10, 26), date(2026, 11, 2), date(2026, 11, 9)
WEEK = timedelta(days=7)
LATER = NOW + timedelta(hours=1)


def measured(**fields) -> Kpi:
    kpi = a_kpi(**fields)
    limits(kpi, goal=80, red_flag=72)
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=start, period_end=start + WEEK, value=Decimal(76))
            for start in (W44, W45, W46)
        ],
        origin=Origin(kind="manual", user_id=kpi.owner_id),
        now=NOW,
    )
    return kpi


def lock(until: date = W46, **fields) -> PeriodLock:
    said = {"calendar": the_calendar(), "locked_until": until, "locked_at": NOW} | fields
    return PeriodLock.objects.create(locked_by=a_person("Petra Lang"), **said)


def target(kpi: Kpi, since: date, value: int = 70) -> Target:
    return set_target(kpi=kpi, effective_from=since, value=Decimal(value), reason="plan", by=kpi.owner, now=LATER)


def test_a_target_does_not_judge_a_locked_period_again_and_says_from_when_on_it_may():
    kpi = measured()
    set_thresholds(
        kpi=kpi, effective_from=W44, mode="offset", limits={"red_flag": Decimal(-8)}, reason="", by=kpi.owner, now=NOW
    )
    lock()
    with pytest.raises(Refused, match=r"2 locked periods .* the last of them is W45\. .* choose 9 Nov 2026"):
        target(kpi, W44)
    assert Target.objects.count() == 1
    assert set(Evaluation.objects.values_list("band", flat=True)) == {"at_risk"}
    target(kpi, W46)
    assert dict(Evaluation.objects.values_list("period_start", "band")) == {
        W44: "at_risk",
        W45: "at_risk",
        W46: "on_track",
    }


def test_thresholds_do_not_reach_behind_a_lock_unless_each_period_is_open_again():
    kpi = measured()
    lock(W45)
    change = {"kpi": kpi, "effective_from": W44, "mode": "absolute", "limits": {"red_flag": Decimal(78)}}
    change |= {"reason": "", "by": kpi.owner, "now": LATER}
    with pytest.raises(Refused, match=r"W44 is locked .* have this period reopened"):
        set_thresholds(**change)
    assert ThresholdSet.objects.count() == 1
    PeriodReopening.objects.create(
        kpi=kpi, period_start=W44, reason="late", requested_by=kpi.owner, requested_at=NOW,
        approved_by=a_person("Ines Okafor"), decided_at=NOW, expires_at=LATER + WEEK,
    )  # fmt: skip
    set_thresholds(**change)
    assert set(Evaluation.objects.values_list("band", flat=True)) == {"off_track"}


def test_a_kpi_made_after_the_lock_is_judged_from_its_beginning():
    lock()
    kpi = measured(created_at=NOW + timedelta(minutes=1))
    target(kpi, W44, 75)
    assert set(Evaluation.objects.values_list("band", flat=True)) == {"on_track"}


def test_a_definition_judges_no_locked_period_the_other_way_round():
    kpi = measured()
    lock()
    change = {"kpi": kpi, "seen": seen(kpi, SHEET), "values": {"polarity": "lower_is_better"}, "reason": "meant so"}
    change |= {"breaks_series": True, "by": kpi.owner, "now": LATER}
    with pytest.raises(Refused, match="2 locked periods"):
        define(**change, effective_from=W44)
    kpi.refresh_from_db()
    assert (kpi.polarity, KpiVersion.objects.count()) == ("higher_is_better", 0)
    define(**change, effective_from=W46)


def test_a_calculation_holds_for_no_locked_period():
    a_kpi(code="ONE", active_from=W44)
    kpi = measured(entry="derived", formula="[ONE]", active_from=W44)
    lock()
    change = {"kpi": kpi, "seen": seen(kpi, SHEET), "values": {"formula": "[ONE] × 2"}, "reason": "twice"}
    change |= {"breaks_series": True, "by": kpi.owner, "now": LATER}
    with pytest.raises(Refused, match="2 locked periods"):
        define(**change, effective_from=W45 - WEEK)
    define(**change, effective_from=W46)


def test_a_weight_holds_from_what_is_open_on():
    kpi = measured()
    lock()
    with pytest.raises(Refused, match=r"up to 8 Nov 2026 is locked.*choose 9 Nov 2026"):
        set_weight(kpi=kpi, weight=Decimal(3), effective_from=W45, by=kpi.owner, now=LATER)
    assert not KpiWeight.objects.exists()
    set_weight(kpi=kpi, weight=Decimal(3), effective_from=W46, by=kpi.owner, now=LATER)


def test_weights_and_scores_of_an_objective_hold_from_what_is_open_below_on():
    parent = an_objective("Be punctual")
    child = an_objective(parent=parent, roll_up_method="manual")
    kpi = measured(objective=child)
    lock()
    said = {"by": kpi.owner, "now": LATER}
    judged = {"objective": parent, "score": Decimal(9), "confidence": 80, "note": "felt so", **said}
    with pytest.raises(organisation.Refused, match="up to 8 Nov 2026 is locked"):
        weigh_objective(objective=child, weight=Decimal(2), effective_from=W45, **said)
    with pytest.raises(organisation.Refused, match="choose 9 Nov 2026"):
        judge_by_hand(effective_from=W45, **judged)
    assert (ObjectiveWeight.objects.count(), ManualScore.objects.count()) == (0, 0)
    weigh_objective(objective=child, weight=Decimal(2), effective_from=W46, **said)
    judge_by_hand(effective_from=W46, **judged)


def moved(unit: Unit, parent: Unit) -> Unit:
    return edit_unit(unit=unit, seen=seen(unit), name=unit.name, parent=parent)


def test_a_unit_does_not_move_from_under_a_lock_until_it_is_locked_itself():
    lga, jfk = a_unit(), a_unit("jfk", "Kennedy")
    ramp = a_unit("ramp", "Ramp", parent=lga)
    measured(unit=ramp)
    above = lock(unit=lga)
    with pytest.raises(organisation.Refused, match=r"1 KPI of Ramp are locked up to 8 Nov 2026.*lock Ramp itself"):
        moved(ramp, jfk)
    ramp.refresh_from_db()
    assert ramp.path == f"{lga.path}ramp/"
    lock(unit=ramp, until=above.locked_until)
    assert moved(ramp, jfk).path == f"{jfk.path}ramp/"
    moved(Unit.objects.get(pk=ramp.pk), lga)


def test_a_unit_moves_with_its_locks_and_under_locks_for_everybody():
    lga, jfk = a_unit(), a_unit("jfk", "Kennedy")
    ramp = a_unit("ramp", "Ramp", parent=lga)
    measured(unit=ramp)
    lock(unit=None)
    lock(unit=ramp, until=W46 + WEEK)
    assert moved(ramp, jfk).path == f"{jfk.path}ramp/"


def test_forms_say_at_the_day_why_nothing_may_hold_from_it(client: Client):
    admin = a_person("Grace Lindholm")
    a_role(admin, Role.ADMIN)
    kpi = measured(active_from=W44 - 50 * WEEK, owner=admin)
    lock()
    client.force_login(admin)
    said = {"target": "70", "mode": "absolute", "goal": "", "red_flag": "60", "effective_from": str(W44)}
    said |= {"reason": "plan", "seen": f"{Target.objects.get().pk}-{ThresholdSet.objects.get().pk}"}
    answer = client.post(reverse("kpi_limits", args=[kpi.code]), said)
    assert answer.status_code == 422
    assert "2 locked periods" in answer.context["form"].errors["effective_from"][0]
    weight = client.post(reverse("kpis:weight", args=[kpi.code]), {"weight": "3", "effective_from": str(W44)})
    assert weight.status_code == 422
    assert "is locked" in weight.context["form"].errors["effective_from"][0]
    of_objective = {"score": "9", "confidence": "80", "note": "felt so", "effective_from": str(W44)}
    judged = client.post(reverse("strategy:judgement", args=[kpi.objective.code]), of_objective)
    assert judged.status_code == 422
    unit = the_company()
    assert (Target.objects.count(), KpiWeight.objects.count(), ManualScore.objects.count(), unit.parent) == (
        1,
        0,
        0,
        None,
    )
