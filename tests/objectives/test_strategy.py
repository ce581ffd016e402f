"""Changing the strategy: no circles, no twins, nothing lost, and the roll-up follows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from kpiplatform.audit.editing import ChangedMeanwhile, seen
from objectives.models import CausalLink, ManualScore, Objective, ObjectiveState, ObjectiveWeight, Perspective, Theme
from objectives.services.refusal import Refused
from objectives.services.strategy import (
    add_objective,
    add_perspective,
    add_theme,
    change_objective,
    drop_perspective,
    drop_theme,
    judge_by_hand,
    reopen_objective,
    retire_objective,
    save_link,
    save_perspective,
    save_plan,
    weigh_objective,
)
from tests.factories import NOW, a_kpi, a_person, an_objective, the_company, the_plan

pytestmark = pytest.mark.django_db
DAY = date(2026, 1, 1)


def changed(objective: Objective, **values) -> Objective:
    token = values.pop("seen", seen(objective))
    return change_objective(objective=objective, seen=token, values=values, owner=objective.owner, now=NOW)


def test_an_objective_is_added_last_in_its_perspective_and_once():
    first = an_objective(position=4)
    values = {
        "code": "seats",
        "name": "Sell seats",
        "perspective_id": first.perspective_id,
        "unit_id": the_company().pk,
    }
    for _press in range(2):
        added = add_objective(plan=the_plan(), values=values, owner=a_person(), now=NOW)
    assert Objective.objects.get(code="seats") == added
    assert added.position == 5
    assert ObjectiveState.objects.filter(objective=added).exists()


def test_an_objective_never_lies_below_itself():
    top = an_objective("Top")
    middle = an_objective("Middle", parent=top)
    bottom = an_objective("Bottom", parent=middle)
    for child in (top, middle, bottom):
        with pytest.raises(Refused, match="below itself"):
            changed(top, parent_id=child.pk)
    changed(bottom, parent_id=top.pk)
    top.refresh_from_db()
    assert top.parent is None


def test_an_objective_that_somebody_else_changed_meanwhile_is_not_overwritten():
    objective = an_objective()
    token = seen(objective)
    changed(objective, name="Theirs")
    with pytest.raises(ChangedMeanwhile):
        changed(objective, name="Mine", seen=token)


def test_another_parent_rolls_both_parents_up():
    old, new = an_objective("Old"), an_objective("New")
    child = an_objective("Child", parent=old)
    changed(child, parent_id=new.pk)
    assert set(ObjectiveState.objects.values_list("objective", flat=True)) == {old.pk, new.pk, child.pk}
    assert ObjectiveState.objects.get(objective=new).total == 1
    assert ObjectiveState.objects.get(objective=old).total == 0


def test_a_judgement_by_hand_counts_while_the_method_is_manual():
    objective = an_objective(roll_up_method="manual")
    said = {"score": Decimal(8), "confidence": 60, "note": "Seen on site.", "effective_from": DAY}
    for _press in range(2):
        judge_by_hand(objective=objective, by=objective.owner, now=NOW, **said)
    assert ManualScore.objects.count() == 1
    assert ObjectiveState.objects.get(objective=objective).score == 8
    changed(objective, roll_up_method="weighted_average")
    assert ObjectiveState.objects.get(objective=objective).score is None


def test_a_weight_again_is_stored_once():
    objective = an_objective(parent=an_objective("Top"))
    for _press in range(2):
        weigh_objective(objective=objective, weight=Decimal(2), effective_from=DAY, by=objective.owner, now=NOW)
    assert ObjectiveWeight.objects.get().weight == 2


def test_an_objective_is_retired_only_when_nothing_counts_for_it():
    top = an_objective("Top")
    child = an_objective("Child", parent=top)
    with pytest.raises(Refused, match="active objectives below"):
        retire_objective(objective=top, now=NOW)
    kpi = a_kpi(objective=child)
    with pytest.raises(Refused, match="has KPIs"):
        retire_objective(objective=child, now=NOW)
    type(kpi).objects.filter(pk=kpi.pk).update(status="retired")
    retire_objective(objective=child, now=NOW)
    retire_objective(objective=top, now=NOW)
    assert not Objective.objects.filter(status="active").exists()
    reopen_objective(objective=top, now=NOW)
    assert Objective.objects.get(status="active") == top


def test_perspectives_change_places_and_names():
    plan = the_plan()
    names = ["Financial", "Customer", "People"]
    rows = [add_perspective(plan=plan, code=name.lower(), name=name) for name in names]
    add_perspective(plan=plan, code="again", name="customer")
    save_perspective(perspective=rows[2], seen=seen(rows[2]), name="Learning", place=1)
    assert list(Perspective.objects.values_list("name", flat=True)) == ["Learning", "Financial", "Customer"]
    assert list(Perspective.objects.values_list("position", flat=True)) == [1, 2, 3]


def test_a_perspective_that_was_moved_meanwhile_is_not_moved_again():
    names = ["Financial", "Customer", "People"]
    rows = [add_perspective(plan=the_plan(), code=name.lower(), name=name) for name in names]
    stale = seen(rows[0])
    save_perspective(perspective=rows[2], seen=seen(rows[2]), name="People", place=1)
    with pytest.raises(ChangedMeanwhile):
        save_perspective(perspective=rows[0], seen=stale, name="Financial", place=3)
    assert list(Perspective.objects.values_list("name", flat=True)) == ["People", "Financial", "Customer"]


def test_a_perspective_with_objectives_stays():
    objective = an_objective()
    with pytest.raises(Refused, match="has objectives"):
        drop_perspective(perspective=objective.perspective)
    empty = add_perspective(plan=the_plan(), code="empty", name="Empty")
    drop_perspective(perspective=empty)
    assert Perspective.objects.get() == objective.perspective


def test_a_theme_that_is_taken_away_leaves_its_objectives():
    theme = add_theme(plan=the_plan(), code="winter", name="Winter")
    assert add_theme(plan=the_plan(), code="again", name="winter") == theme
    objective = an_objective(theme=theme)
    drop_theme(theme=theme)
    objective.refresh_from_db()
    assert objective.theme is None
    assert not Theme.objects.exists()


def test_two_objectives_are_linked_once():
    one, two = an_objective("One"), an_objective("Two")
    values = {
        "source_id": one.pk,
        "target_id": two.pk,
        "sign": 1,
        "lag_from_days": 0,
        "lag_to_days": 9,
        "rationale": "x",
    }
    link = save_link(link=None, seen="", values=values)
    assert save_link(link=None, seen="", values=values) == link
    with pytest.raises(Refused, match="linked already"):
        save_link(link=None, seen="", values=values | {"sign": -1})
    save_link(link=link, seen=seen(link), values=values | {"sign": -1})
    assert CausalLink.objects.get().sign == -1


def test_there_is_one_plan_at_a_time():
    plan = the_plan()
    values = {"code": "other", "name": "Other", "starts_on": DAY, "ends_on": date(2027, 1, 1)}
    assert save_plan(plan=None, seen="", values=values) == plan
    save_plan(plan=plan, seen=seen(plan), values={"name": "FY26 and on"})
    plan.refresh_from_db()
    assert plan.name == "FY26 and on"
