"""Proposing, approving, following and promising: what is stored, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from initiatives.models import ExpectedImpact, Initiative, Milestone
from initiatives.queries import initiatives_editable_by, initiatives_visible_to, kpis_without_initiative
from initiatives.services import parts, work
from kpiplatform.audit.editing import seen
from kpis.models import Kpi, KpiState
from objectives.models import Role
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, the_company
from tests.initiatives.factories import a_milestone, a_promise, a_risk, an_initiative

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)


@pytest.fixture(autouse=True)
def now_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def manager(client: Client):
    person = a_person("Sofia Marin")
    a_role(person, Role.MANAGER)
    client.force_login(person)
    return person


def proposal(owner, **said):
    said = {
        "name": "Gate turnaround redesign",
        "purpose": "",
        "objective": None,
        "unit": the_company(),
        "owner": owner,
        "starts_on": date(2026, 12, 1),
        "ends_on": date(2027, 3, 1),
        "budget": None,
        "currency": "USD",
    } | said
    return work.propose(said=said, by=owner, now=NOW)


def test_a_proposal_sent_twice_is_stored_once_and_another_of_its_name_gets_another_code(manager) -> None:
    first, again = proposal(manager), proposal(manager)
    other = proposal(manager, starts_on=date(2027, 1, 1))
    assert first == again
    assert (first.code, other.code) == ("gate-turnaround-redesign", "gate-turnaround-redesign-2")
    assert proposal(manager, name="New").code == "initiative"


def test_the_end_planned_first_is_kept_once_the_work_was_approved(manager) -> None:
    made = proposal(manager)
    said = {"ends_on": date(2027, 4, 1)}
    changed = work.change(initiative=made, said=said, token=seen(made))
    assert changed.first_ends_on is None  # a proposal may still be planned anew
    work.step_to(initiative=made, status="approved")
    made.refresh_from_db()
    for end in (date(2027, 5, 1), date(2027, 6, 1)):
        made = work.change(initiative=made, said={"ends_on": end}, token=seen(made))
    assert (made.planned_end, made.ends_on) == (date(2027, 4, 1), date(2027, 6, 1))


def test_a_status_taken_twice_changes_once_and_no_other_may_come_in_between(manager) -> None:
    made = proposal(manager)
    assert work.step_to(initiative=made, status="approved").status == "approved"
    assert work.step_to(initiative=made, status="approved").status == "approved"
    with pytest.raises(work.NotNow):
        work.step_to(initiative=made, status="done")


def test_a_milestone_that_moves_keeps_its_first_date_and_one_that_is_done_its_day(manager) -> None:
    step = a_milestone(an_initiative(), due_on=date(2026, 12, 4))
    said = {"name": "All gates", "owner": manager, "due_on": date(2026, 12, 18)}
    parts.change_milestone(milestone=step, said=said, token=seen(step))
    parts.tick_milestone(milestone=step, is_done=True, today=TODAY)
    parts.tick_milestone(milestone=step, is_done=True, today=date(2026, 11, 30))
    step.refresh_from_db()
    assert (step.planned_on, step.due_on, step.done_on) == (date(2026, 12, 4), date(2026, 12, 18), TODAY)
    parts.tick_milestone(milestone=step, is_done=False, today=TODAY)
    assert Milestone.objects.get().done_on is None


def test_a_promise_whose_effect_has_begun_stands_as_it_was_registered(manager) -> None:
    begun = a_promise(an_initiative(), a_kpi(), starts_on=TODAY)
    said = {"change": Decimal(1), "starts_on": date(2027, 1, 1), "full_effect_on": date(2027, 2, 1)}
    said |= {"confidence": "low", "rationale": ""}
    with pytest.raises(parts.AlreadyBegun):
        parts.change_promise(impact=begun, said=said, token=seen(begun), today=TODAY, now=NOW)
    with pytest.raises(parts.AlreadyBegun):
        parts.withdraw_promise(impact=begun, today=TODAY)
    late = {**said, "kpi": a_kpi(), "starts_on": TODAY}
    with pytest.raises(parts.AlreadyBegun):
        parts.promise(initiative=begun.initiative, said=late, today=TODAY, now=NOW)
    assert ExpectedImpact.objects.get().change == 4


def test_who_sees_work_by_its_unit_its_owner_its_milestones_and_its_kpis(manager) -> None:
    unit, executive, owner, worker, stranger = a_unit(), a_person(), a_person(), a_person(), a_person()
    a_role(executive, Role.EXECUTIVE)
    for person in (owner, worker):
        a_role(person, Role.OWNER, unit)
    here = an_initiative(unit=unit)
    a_milestone(here, owner=worker)
    a_promise(here, a_kpi(owner=owner))
    a_promise(here, a_kpi(tier=Kpi.Tier.OPERATIONAL))
    seen_by = {person: initiatives_visible_to(person, today=TODAY).count() for person in (owner, worker, manager)}
    assert set(seen_by.values()) == {1}
    assert initiatives_visible_to(stranger, today=TODAY).count() == 0
    assert initiatives_visible_to(executive, today=TODAY).count() == 0
    an_initiative(objective=an_objective())
    a_promise(here, a_kpi(tier=Kpi.Tier.STRATEGIC))
    assert initiatives_visible_to(executive, today=TODAY).count() == 2
    editors = {manager: 2, here.owner: 0, owner: 0, executive: 0}  # the owner of the work has no role any more
    assert {person: initiatives_editable_by(person, today=TODAY).count() for person in editors} == editors


def test_a_red_kpi_is_listed_until_open_work_is_to_move_it(manager) -> None:
    kpi, green = a_kpi("Evening departures"), a_kpi()
    KpiState.objects.update_or_create(kpi=kpi, defaults={"band": "off_track"})
    KpiState.objects.update_or_create(kpi=green, defaults={"band": "on_track"})
    a_promise(an_initiative(status="done"), kpi)
    assert list(kpis_without_initiative(manager, today=TODAY)) == [kpi]
    a_promise(an_initiative(status="proposed"), kpi)
    assert list(kpis_without_initiative(manager, today=TODAY)) == []


def test_the_list_asks_the_same_queries_for_two_initiatives_and_for_eight(manager, client: Client) -> None:
    def queries() -> int:
        client.get("/initiatives/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/initiatives/").status_code == 200
        return len(captured)

    def more(count: int) -> None:
        for _ in range(count):
            made = an_initiative(objective=an_objective(), status="running")
            a_milestone(made)
            a_promise(made, a_kpi())

    more(2)
    few = queries()
    more(6)
    assert queries() == few <= 18


def test_the_page_asks_the_same_queries_however_much_there_is_on_it(manager, client: Client) -> None:
    made = an_initiative(status="running", objective=an_objective())

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/initiatives/{made.code}/").status_code == 200
        return len(captured)

    def more(names: str) -> None:
        for name in names:
            a_milestone(made, name, owner=manager)
            a_promise(made, a_kpi())
            a_risk(made, name)

    more("a")
    queries()
    few = queries()
    more("bcdef")
    assert queries() == few


def test_the_list_says_who_is_late_and_filters_by_it(manager, client: Client) -> None:
    in_time = an_initiative("In time", status="running")
    a_milestone(in_time)
    a_promise(in_time, a_kpi())
    late = an_initiative("Behind", status="running")
    a_milestone(late, planned_on=date(2026, 11, 1), due_on=date(2026, 12, 1))
    text = client.get("/initiatives/").content.decode()
    assert "most of all Behind, 4 weeks late." in text
    assert text.index("Behind</a>") < text.index("In time</a>")
    text = client.get("/initiatives/?state=late").content.decode()
    assert "In time</a>" not in text


def test_mine_is_what_one_owns_or_has_a_milestone_in(manager, client: Client) -> None:
    a_promise(an_initiative("Of others"), a_kpi())
    a_promise(an_initiative("Owned", owner=manager), a_kpi())
    step = a_milestone(an_initiative("With a milestone"), owner=manager)
    a_promise(step.initiative, a_kpi())
    text = client.get("/initiatives/?mine=1").content.decode()
    assert "Your milestones" in text
    assert [name in text for name in ("Owned</a>", "With a milestone</a>", "Of others</a>")] == [True, True, False]


def test_a_milestone_is_ticked_in_its_place_and_without_javascript(manager, client: Client) -> None:
    step = a_milestone(an_initiative(status="running"))
    address = f"/initiatives/{step.initiative.code}/milestones/{step.pk}/"
    answer = client.post(address, {"done": "1"}, headers={"HX-Request": "true"})
    assert (answer.status_code, "milestone-ticked" in answer["HX-Trigger"]) == (200, True)
    assert answer.content.decode().strip().startswith('<section class="section" id="milestones">')
    answer = client.post(address, {"done": "0"})
    assert (answer.status_code, answer["Location"]) == (303, f"/initiatives/{step.initiative.code}/#milestones")


def test_two_people_who_change_the_same_work_are_told_and_overwrite_nothing(manager, client: Client) -> None:
    made = an_initiative()
    address = f"/initiatives/{made.code}/edit/"
    stale = seen(made)
    Initiative.objects.filter(pk=made.pk).update(name="Theirs")
    said = {"name": "Mine", "unit": made.unit_id, "owner": made.owner_id, "starts_on": "2026-09-01"}
    said |= {"ends_on": "2027-01-08", "currency": "usd", "budget": "1,250,000", "seen": stale}
    answer = client.post(address, said)
    assert answer.status_code == 422
    assert "Nothing of theirs was overwritten" in answer.content.decode()
    made.refresh_from_db()
    assert made.name == "Theirs"
    answer = client.post(address, said | {"seen": seen(made)})
    made.refresh_from_db()
    assert (made.name, made.budget, made.currency) == ("Mine", 1_250_000, "USD")


def test_the_owner_is_told_whom_the_approval_waits_for(manager, client: Client) -> None:
    own = an_initiative("My own", owner=manager, status="proposed")
    text = client.get(f"/initiatives/{own.code}/").content.decode()
    assert "nobody approves their own" in text
    assert client.post(f"/initiatives/{own.code}/to/approved/").status_code == 403
    other = an_initiative(status="proposed")
    assert client.post(f"/initiatives/{other.code}/to/approved/").status_code == 303
    # Approved twice, or asked for what can't follow: said, not done.
    assert client.post(f"/initiatives/{other.code}/to/done/").status_code == 302
    other.refresh_from_db()
    assert other.status == "approved"


def test_an_executive_approves_work_of_the_very_unit_they_lead_and_never_their_own(client: Client) -> None:
    leads = a_person("Ines Okafor")
    a_role(leads, Role.EXECUTIVE)
    client.force_login(leads)
    below, objective = a_unit("lga", "LaGuardia"), an_objective()
    work_of = {
        "company": an_initiative("Company's", code="company", status="proposed"),
        "unit": an_initiative("A unit's", code="unit", status="proposed", unit=below, objective=objective),
        "own": an_initiative("Own", code="own", status="proposed", owner=leads),
    }
    answers = {name: client.post(f"/initiatives/{name}/to/approved/").status_code for name in work_of}
    assert answers == {"company": 303, "unit": 403, "own": 403}
    approved = Initiative.objects.filter(status="approved")
    assert list(approved.values_list("code", flat=True)) == ["company"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"change": "viel"}, "is not a change in numbers"),
        ({"change": "0"}, "A promise of no change is none."),
        ({"starts_on": "2026-11-22"}, "An effect is promised before it begins"),
        ({"full_effect_on": "2026-11-30"}, "The full effect does not come before it begins."),
    ],
)
def test_a_promise_that_makes_no_sense_is_refused_in_a_sentence(manager, client: Client, said, sentence) -> None:
    made, kpi = an_initiative(), a_kpi()
    good = {"kpi": kpi.code, "change": "+2.5", "starts_on": "2026-12-01", "full_effect_on": "2027-01-01"}
    address = f"/initiatives/{made.code}/impacts/"
    answer = client.post(address, good | {"confidence": "high"} | said)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert client.post(address, good | {"confidence": "high"}).status_code == 303
    assert ExpectedImpact.objects.get().registered_at == datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_a_milestone_leaves_a_plan_only_before_it_is_approved(manager, client: Client) -> None:
    step = a_milestone(an_initiative(status="proposed"))
    again = a_milestone(an_initiative(status="running"))
    for one, status in ((step, 303), (again, 422)):
        answer = client.post(f"/initiatives/{one.initiative.code}/milestones/{one.pk}/", {"remove": "1"})
        assert answer.status_code == status
    assert list(Milestone.objects.all()) == [again]
    assert "may be moved, but not removed" in answer.content.decode()


def test_a_risk_is_removed_by_its_button(manager, client: Client) -> None:
    risk = a_risk(an_initiative())
    assert client.post(f"/initiatives/{risk.initiative.code}/risks/{risk.pk}/", {"remove": "1"}).status_code == 303
    assert not risk.initiative.risks.exists()


@pytest.mark.parametrize(("status", "kept"), [("proposed", False), ("running", True)])
def test_what_was_approved_is_not_changed_by_its_owner_alone(manager, client: Client, status, kept) -> None:
    made = an_initiative(owner=manager, status=status, budget=100)
    said = {"name": "Mine", "unit": made.unit_id, "owner": manager.pk, "starts_on": "2026-09-01"}
    said |= {"ends_on": "2027-01-08", "currency": "USD", "budget": "900", "seen": seen(made)}
    assert client.post(f"/initiatives/{made.code}/edit/", said).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.budget) == ("Mine", 100 if kept else 900)
