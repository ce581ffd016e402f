"""Setting up KPIs and the strategy in the browser's words: forms in, sentences and rows out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from initiatives.models import ExpectedImpact
from kpiplatform.audit.editing import seen
from kpiplatform.dashboards.models import KpiDraft
from kpis.models import Kpi, KpiVersion
from kpis.services.defining import PEOPLE, SHEET
from objectives.models import CausalLink, Objective, Role
from tests.architecture.addresses.of_setting_up import answers, definition
from tests.architecture.people_and_things import World, make_world
from tests.factories import NOW, a_kpi, a_person, a_role, an_objective, the_company
from tests.made_once import made_once
from tests.reviews.factories import a_forum

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def made_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with made_once(django_db_blocker, lambda: make_world(NOW)) as world:
        yield world


@pytest.fixture
def world(made_world: World, client: Client, db: None) -> World:
    world = deepcopy(made_world)
    client.force_login(world.people["admin"])
    return world


def text(response) -> str:
    return response.content.decode().replace("&#x27;", "'")


def all_steps(client: Client, world: World, name: str = "Late bags") -> KpiDraft:
    said, token = answers(world, name), str(uuid.uuid4())
    client.post(reverse("kpis:new"), said["objective"] | {"token": token})
    draft = KpiDraft.objects.get(token=token)
    for key in list(said)[1:]:
        response = client.post(reverse("kpis:new_step", args=[draft.pk, key]), said[key])
        assert response.status_code == 303, text(response)
    return draft


def test_seven_steps_end_in_an_active_kpi_with_target_thresholds_and_owner(world, client):
    draft = all_steps(client, world)
    for _press in range(2):
        assert client.post(reverse("kpis:new_summary", args=[draft.pk]), {"status": "active"}).status_code == 303
    kpi = Kpi.objects.get(name="Late bags")
    assert (kpi.code, kpi.status, kpi.owner) == ("LATE-BAGS", "active", world.people["owner"])
    assert (kpi.targets.get().value, kpi.threshold_sets.get().red_flag, kpi.weights.get().weight) == (2, 5, 1)
    assert kpi.versions.get().definition["checklist"]["rhythm"]["reaction"] == "The shift meets."
    assert client.get(reverse("kpi", args=[kpi.code])).status_code == 200


def test_the_forum_of_the_seventh_step_reviews_the_kpi(world, client):
    draft, forum = all_steps(client, world), a_forum()
    rhythm = answers(world, "Late bags")["rhythm"] | {"forum": str(forum.pk)}
    client.post(reverse("kpis:new_step", args=[draft.pk, "rhythm"]), rhythm)
    client.post(reverse("kpis:new_summary", args=[draft.pk]), {"status": "active"})
    kpi = Kpi.objects.get(name="Late bags")
    assert kpi.cadence.forum == forum
    shown = client.get(reverse("kpis:new_dates"), {"forum": forum.pk}, headers={"HX-Request": "true"}).text
    assert "every Thursday" in shown
    assert shown.count("<li>") == 5


def test_the_seven_steps_can_end_in_a_kpi_that_is_derived(world, client):
    draft = all_steps(client, world)
    path = reverse("kpis:new_step", args=[draft.pk, "rhythm"])
    rhythm = answers(world, "Late bags")["rhythm"] | {"entry": "derived", "formula": "[OURS] − [THEIRS", "to": "next"}
    refused = client.post(path, rhythm)
    assert (refused.status_code, "Character 10: the reference “[THEIRS” is not closed" in text(refused)) == (422, True)
    client.post(path, rhythm | {"formula": "[OURS]-[THEIRS]", "missing_policy": "ignore"})
    assert client.post(reverse("kpis:new_summary", args=[draft.pk]), {"status": "active"}).status_code == 303
    kpi = Kpi.objects.get(name="Late bags")
    assert (kpi.entry, kpi.formula, kpi.missing_policy) == ("derived", "[OURS] − [THEIRS]", "ignore")
    assert set(kpi.inputs.values_list("input__code", flat=True)) == {"OURS", "THEIRS"}
    assert kpi.owed_derivations.exists()


def test_what_was_typed_is_kept_even_where_it_is_refused(world, client):
    said = answers(world, "Late bags")
    client.post(reverse("kpis:new"), said["objective"])
    draft = KpiDraft.objects.get()
    client.post(reverse("kpis:new_step", args=[draft.pk, "progress"]), said["progress"])
    path = reverse("kpis:new_step", args=[draft.pk, "target"])
    refused = client.post(path, said["target"] | {"red_flag": "1"})
    assert (refused.status_code, "must lie above the goal" in text(refused)) == (422, True)
    client.logout()
    client.force_login(world.people["admin"])
    assert 'value="1"' in text(client.get(path))
    back = client.post(path, said["target"] | {"red_flag": "x", "to": "back"})
    assert back["Location"] == reverse("kpis:new_step", args=[draft.pk, "kind"])
    assert client.get(path).context["form"]["red_flag"].value() == "x"


def test_a_page_sent_twice_begins_one_draft(world, client):
    said = answers(world, "Late bags")["objective"] | {"token": str(uuid.uuid4())}
    for _press in range(2):
        assert client.post(reverse("kpis:new"), said).status_code == 303
    assert KpiDraft.objects.count() == 1


def test_a_draft_belongs_to_who_began_it(world, client):
    draft = all_steps(client, world)
    other = a_person("Another Admin")
    a_role(other, Role.ADMIN)
    client.force_login(other)
    assert client.get(reverse("kpis:new_summary", args=[draft.pk])).status_code == 404


def test_the_summary_leads_to_the_step_that_is_not_answered(world, client):
    client.post(reverse("kpis:new"), answers(world, "Late bags")["objective"])
    draft = KpiDraft.objects.get()
    answer = client.get(reverse("kpis:new_summary", args=[draft.pk]))
    assert answer["Location"] == reverse("kpis:new_step", args=[draft.pk, "progress"])


def test_an_initiative_is_promised_with_its_size_and_day(world, client):
    draft = all_steps(client, world)
    path = reverse("kpis:new_step", args=[draft.pk, "initiative"])
    assert "Choose an initiative, or say" in text(client.post(path, {}))
    assert not ExpectedImpact.objects.exists()


def test_a_name_that_is_taken_is_meant_or_changed(world, client):
    said = definition(world, "OURS") | {"name": world.kpis["THEIRS"].name}
    path = reverse("kpis:definition", args=["OURS"])
    refused = client.post(path, said)
    assert (refused.status_code, "THEIRS is called so, too" in text(refused)) == (422, True)
    assert client.post(path, said | {"same_name_is_meant": "on"}).status_code == 303


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"minimum": "9", "maximum": "1"}, "must lie above the lowest"),
        ({"benchmark_value": "70"}, "Say whose benchmark it is"),
        ({"decimals": "9"}, "At most eight decimals"),
        ({"reason": ""}, "changes for a reason"),
        ({"frequency": "month"}, "A KPI keeps its rhythm"),
        ({"entry": "derived"}, "needs its calculation"),
        ({"effective_from": "1926-01-01"}, "within five years"),
        ({"minimum": "many"}, "is not a number"),
    ],
)
def test_a_sheet_that_makes_no_sense_is_refused_with_a_sentence(world, client, wrong, sentence):
    response = client.post(reverse("kpis:definition", args=["OURS"]), definition(world, "OURS") | wrong)
    assert (response.status_code, sentence in text(response)) == (422, True)
    assert not KpiVersion.objects.exists()


def test_another_kpi_is_named_by_its_code_and_an_unknown_one_is_said(world, client):
    path, said = reverse("kpis:definition", args=["OURS"]), definition(world, "OURS")
    for code, sentence in (("NOBODY", "No active KPI has the code “NOBODY”"), ("ours", "This is the KPI itself")):
        refused = client.post(path, said | {"guard": code})
        assert (refused.status_code, sentence in text(refused)) == (422, True)
        assert f'value="{code}"' in text(refused)
    assert client.post(path, said | {"guard": "theirs"}).status_code == 303
    assert Kpi.objects.get(code="OURS").guard.code == "THEIRS"
    assert 'value="THEIRS"' in text(client.get(path))


def test_a_guard_that_was_retired_meanwhile_stays_until_another_is_named(world, client):
    Kpi.objects.filter(code="THEIRS").update(status=Kpi.Status.RETIRED)
    Kpi.objects.filter(code="OURS").update(guard=world.kpis["THEIRS"])
    path = reverse("kpis:definition", args=["OURS"])
    assert client.post(path, definition(world, "OURS") | {"guard": "THEIRS"}).status_code == 303
    assert Kpi.objects.get(code="OURS").guard.code == "THEIRS"


def test_kpis_are_suggested_by_code_while_a_part_of_their_name_is_typed(world, client):
    path, kpi = reverse("kpis:named"), world.kpis["THEIRS"]
    html = text(client.get(path, {"part_of": kpi.name[:6]}))
    assert '<option value="THEIRS">' in html
    assert "<option" not in text(client.get(path, {"guard": "nothing is called so"})) + text(client.get(path))


def test_two_people_who_change_one_sheet_hear_of_each_other(world, client):
    path, mine = reverse("kpis:definition", args=["OURS"]), definition(world, "OURS")
    client.post(path, mine | {"name": "Theirs"})
    refused = client.post(path, mine | {"name": "Mine"})
    assert (refused.status_code, "Nothing of theirs was overwritten" in text(refused)) == (422, True)
    assert 'value="Mine"' in text(refused)
    again = mine | {"name": "Mine", "seen": seen(world.kpis["OURS"], SHEET)}
    assert client.post(path, again).status_code == 303


def test_more_than_eight_kpis_on_an_objective_are_warned_of(world, client):
    for _number in range(8):
        a_kpi(objective=world.kpis["OURS"].objective)
    answer = client.post(reverse("kpis:definition", args=["OURS"]), definition(world, "OURS"), follow=True)
    assert "More than 8 on one objective" in text(answer)


def test_the_list_says_what_is_lacking_and_asks_no_more_for_more_kpis(world, client, django_assert_num_queries):
    path = reverse("kpis:configure")
    assert "no target, no thresholds" not in text(client.get(path))
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    objective = an_objective("Another")
    for _number in range(6):
        a_kpi(objective=objective)
    with django_assert_num_queries(len(few)):
        answer = client.get(path)
    assert "no target, no thresholds" in text(answer)
    lacking = client.get(path, {"lacks": "target"})
    assert len([row for group in lacking.context["groups"] for row in group["rows"]]) == 6


def objective_said(world: World, **fields) -> dict[str, object]:
    row = world.kpis["OURS"].objective
    said = {
        "name": "Bring bags back",
        "perspective": row.perspective_id,
        "unit": the_company().pk,
        "owner": world.people["owner"].pk,
        "roll_up_method": "weighted_average",
        "coverage": "50",
    }
    return said | fields


def test_an_objective_is_added_once_and_weighed(world, client):
    said = objective_said(world, parent=world.kpis["OURS"].objective_id, weight="2", weight_from="2026-01-01")
    assert client.post(reverse("strategy:new_objective"), said).status_code == 303
    row = Objective.objects.get(code="bring-bags-back")
    assert (row.weights.get().weight, row.parent) == (2, world.kpis["OURS"].objective)
    twice = client.post(reverse("strategy:new_objective"), said)
    assert (twice.status_code, "of this name already" in text(twice)) == (422, True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"coverage": "101"}, "between 0 and 100 percent"),
        ({"weight": "-1"}, "between 0 and 1,000"),
        ({"code": "Bags!"}, "small letters, digits and hyphens"),
        ({"owner": ""}, "This field is required"),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(world, client, wrong, sentence):
    response = client.post(reverse("strategy:new_objective"), objective_said(world, **wrong))
    assert (response.status_code, sentence in text(response)) == (422, True)


def test_a_circle_of_objectives_is_refused_in_the_form(world, client):
    top = world.kpis["OURS"].objective
    child = an_objective("Child", parent=top)
    said = objective_said(world, name=top.name, parent=child.pk, seen=seen(top))
    response = client.post(reverse("strategy:objective", args=[top.code]), said)
    assert (response.status_code, "below itself" in text(response)) == (422, True)


def test_a_link_joins_two_objectives(world, client):
    top, other = world.kpis["OURS"].objective, an_objective("Other")
    said = {"source": top.pk, "target": top.pk, "sign": "1", "lag_from_days": "9", "lag_to_days": "3", "rationale": "x"}
    refused = client.post(reverse("strategy:new_link"), said)
    assert "does not move itself" in text(refused)
    assert "lies before the first" in text(refused)
    good = said | {"target": other.pk, "lag_to_days": "30", "sign": "-1"}
    for _press in range(2):
        assert client.post(reverse("strategy:new_link"), good).status_code == 303
    link = CausalLink.objects.get()
    assert client.post(reverse("strategy:link", args=[link.pk]), {"drop": "1"}).status_code == 303
    assert not CausalLink.objects.exists()


def test_perspectives_are_named_moved_and_taken_away(world, client):
    path, plan = reverse("strategy:perspectives"), world.kpis["OURS"].objective.plan
    client.post(path, {"name": "Financial"})
    first, second = plan.perspectives.all()
    client.post(path, {"row": second.pk, "name": second.name, "place": "1", "seen": seen(second)})
    client.post(path, {"row": second.pk, "name": "Money", "seen": seen(second)})
    assert [row.name for row in plan.perspectives.all()] == ["Money", first.name]
    refused = client.post(path, {"row": first.pk, "drop": "1"})
    assert (refused.status_code, "has objectives" in text(refused)) == (422, True)
    client.post(path, {"row": second.pk, "drop": "1"})
    assert list(plan.perspectives.all()) == [first]
    late = client.post(path, {"row": second.pk, "name": "Capital"})
    assert (late.status_code, "taken away meanwhile" in text(late), 'value="Capital"' in text(late)) == (
        422,
        True,
        True,
    )
    assert list(plan.perspectives.all()) == [first]


def test_a_second_press_changes_nothing_and_is_no_error(world, client):
    objective = world.kpis["OURS"].objective
    people = {"owner": world.people["member"].pk, "effective_from": "2026-11-01", "reason": "leave"}
    forms = {
        reverse("kpis:definition", args=["OURS"]): definition(world, "OURS"),
        reverse("kpis:owner", args=["OURS"]): people | {"seen": seen(world.kpis["OURS"], PEOPLE)},
        reverse("kpis:weight", args=["OURS"]): {"weight": "4", "effective_from": "2026-11-01"},
        reverse("kpis:life", args=["OURS"]): {"to": "retired"},
        reverse("strategy:objective", args=[objective.code]): objective_said(world, seen=seen(objective)),
    }
    for path, said in forms.items():
        assert [client.post(path, said).status_code for _press in range(2)] == [303, 303], path
    kpi = world.kpis["OURS"]
    assert (kpi.versions.count(), kpi.ownerships.count(), kpi.weights.count()) == (1, 1, 1)


def test_the_strategy_asks_no_more_for_more_objectives(world, client, django_assert_num_queries):
    path = reverse("strategy:objectives")
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    for number in range(5):
        row = an_objective(f"Objective {number}", owner=world.people["owner"], parent=world.kpis["OURS"].objective)
        CausalLink.objects.create(source=row, target=world.kpis["OURS"].objective, rationale="It should.")
        a_kpi(objective=row)
    with django_assert_num_queries(len(few)):
        assert "Objective 4" in text(client.get(path))
