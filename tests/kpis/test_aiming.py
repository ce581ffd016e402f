"""Targets, thresholds and owners: what is refused, and what a change leaves alone."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from kpis.models import Evaluation, Target, ThresholdSet
from kpis.readings import Origin, Reading
from kpis.services.aiming import hand_over, set_target, set_thresholds
from kpis.services.recording import record_measurements
from kpis.services.refusal import Refused
from tests.factories import NOW, a_kpi, a_person, limits

pytestmark = pytest.mark.django_db
W45, W46 = date(2026, 11, 2), date(2026, 11, 9)
LATER = NOW + timedelta(hours=1)


def measured(**fields):
    kpi = a_kpi(**fields)
    limits(kpi, goal=80, red_flag=72)
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=start, period_end=start + timedelta(days=7), value=Decimal(76))
            for start in (W45, W46)
        ],
        origin=Origin(kind="manual", user_id=kpi.owner_id),
        now=NOW,
    )
    return kpi


def change(kpi, **fields):
    return {"kpi": kpi, "effective_from": W46, "reason": "plan", "by": kpi.owner, "now": LATER, **fields}


def test_a_target_holds_from_its_date_on_and_leaves_history_alone():
    kpi = measured()
    set_target(**change(kpi, value=Decimal(75)))
    assert dict(Evaluation.objects.values_list("period_start", "band")) == {W45: "at_risk", W46: "on_track"}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ({}, "A target needs a number"),
        ({"low": Decimal(1)}, "both ends of a range"),
        ({"value": Decimal("NaN")}, "Nothing was changed"),
        ({"value": Decimal(72)}, "The red flag cannot equal the goal"),
        ({"value": Decimal(60)}, "the red flag must lie below the goal"),
        ({"low": Decimal(9), "high": Decimal(1)}, "ends below its beginning"),
    ],
)
def test_a_target_that_could_not_judge_is_refused_with_a_sentence_and_the_old_one_stays(target, sentence):
    kpi = measured()
    with pytest.raises(Refused, match=sentence):
        set_target(**change(kpi, **target))
    assert Target.objects.get().value == 80
    assert Evaluation.objects.get(period_start=W46).band == "at_risk"


@pytest.mark.parametrize(
    ("red_flag", "sentence"),
    [
        (Decimal(80), "The red flag cannot equal the goal"),
        (Decimal(90), "the red flag must lie below the goal"),
        (None, "need a red flag"),
        (Decimal("Infinity"), "Nothing was changed"),
    ],
)
def test_thresholds_that_could_not_judge_are_refused_with_a_sentence_and_the_old_ones_stay(red_flag, sentence):
    kpi = measured()
    with pytest.raises(Refused, match=sentence):
        set_thresholds(**change(kpi, mode="absolute", limits={"red_flag": red_flag}))
    assert ThresholdSet.objects.get().red_flag == 72


def test_moving_the_red_flag_judges_again_from_its_date_on():
    kpi = measured()
    set_thresholds(**change(kpi, mode="offset", limits={"red_flag": Decimal(-2)}))
    assert dict(Evaluation.objects.values_list("period_start", "band")) == {W45: "at_risk", W46: "off_track"}


def test_an_inactive_person_cannot_become_owner_and_the_old_owner_stays():
    kpi = measured()
    gone = a_person("Gone Away", is_active=False)
    with pytest.raises(Refused, match="Gone Away is not active"):
        hand_over(**change(kpi, owner=gone))
    kpi.refresh_from_db()
    assert kpi.owner.name == "Ana Kovač"


def test_an_owner_hands_over_with_a_reason_on_record():
    kpi = measured()
    hand_over(**change(kpi, owner=a_person("Peter Haas")))
    kpi.refresh_from_db()
    assert kpi.owner.name == "Peter Haas"
    assert kpi.ownerships.get().reason == "plan"
