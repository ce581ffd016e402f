"""The week of each person of the sample: from the first page on by links and forms alone, with what they write."""

from __future__ import annotations

import pytest
from django.test import Client

from alerts.models import Incident
from initiatives.models import Initiative, Milestone
from kpiplatform.accounts.models import User
from kpis.models import Commentary, Measurement, Target
from objectives.models import RoleAssignment
from reviews.models import Decision, Review
from tests.journeys.conftest import SIGN_IN, Site
from tests.journeys.walking import Walker

pytestmark = pytest.mark.django_db
ON_EVERY_PAGE = {"System", "Light", "Dark", "Sign out"}


def at_work(role: str) -> Walker:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email=SIGN_IN[role]))
    return Walker(client)


def test_an_executive_reads_the_strategy_approves_work_and_asks_about_a_red(site: Site) -> None:
    week = at_work("executive")
    assert week.name == "scorecard"
    assert week.says("Since the review of")
    week.open_first("objective").open_first("kpi")
    week.follow("Map").open_first("map")
    week.follow("Scorecard").follow("Nonstop destinations").send("Comment", body="What wins a route back?")
    assert Commentary.objects.filter(body="What wins a route back?", kpi__code="DEST").exists()
    week.follow("Initiatives").follow("Winter de-icing crew plan").send("Approve")
    assert Initiative.objects.get(code="deicing-crew").status == "approved"
    week.follow("Reviews").follow("Give destinations a seasonal target")
    week.send("Note it", outcome="From the summer timetable on.")
    assert Decision.objects.get(title__startswith="Give destinations").state == "taken"
    week.follow("Nonstop destinations")
    week.follow("Reviews").send("Prepare Executive performance review")
    assert week.name == "reviews:review"
    assert Review.objects.filter(forum__code="executive", state="planned").exists()
    week.follow("Alerts").open_first("alerts:incident")


def test_a_manager_reads_the_unit_settles_a_decision_and_follows_work(site: Site) -> None:
    week = at_work("manager")
    assert week.name == "unit"
    assert week.says("LaGuardia")
    week.follow("Grid").follow("Weeks").open_first("kpi")
    week.follow("Units").follow("Keep one LaGuardia gate free")
    week.send("Note it", outcome="Yes, until March.")
    assert Decision.objects.get(title__startswith="Keep one LaGuardia gate").state == "taken"
    week.follow("Units").follow("Gate turnaround redesign").send("LaGuardia roll-out is done")
    assert Milestone.objects.get(initiative__code="gate-turnaround", name="LaGuardia roll-out").done_on
    week.follow("Initiatives").follow("Propose work for")
    assert week.name == "initiatives:new"
    week.send("Propose", name="A third tug", starts_on="2027-01-04", ends_on="2027-06-01")
    assert Initiative.objects.get(name="A third tug").status == "proposed"
    week.follow("Scorecard")
    assert week.says("Operational scorecard")
    week.follow("Reviews").open_first("reviews:forum")


def test_an_owner_enters_what_is_due_explains_a_red_and_acknowledges(site: Site) -> None:
    week = at_work("owner")
    assert week.name == "my:kpis"
    cells = next(form.data for form in week.page.forms.values() if any("Save all" in one.names for one in form.buttons))
    due = next(name for name, value in cells.items() if name.endswith("@0") and value == [""])
    latest = [value for name, value in cells.items() if name.startswith(due.partition("@")[0]) and value != [""]][-1]
    before = Measurement.objects.count()
    week.send("Save all", **{due: latest})
    assert Measurement.objects.count() == before + 1
    week.follow("Explain")
    incident = Incident.objects.get(pk=int(week.path.rstrip("/").rpartition("/")[2]))
    # Which red is first depends on what other tests turned red: one that nobody acknowledged asks for both at once.
    answer = "Explain" if week.may("Explain") else "Acknowledge and explain"
    week.send(answer, cause="Two crews short.", action="Hire three.", recovery_on="2099-01-31")
    assert Commentary.objects.filter(kpi=incident.kpi, action="Hire three.").exists()
    week.follow("My KPIs").send("Acknowledge")
    assert Incident.objects.filter(acknowledged_by__email=SIGN_IN["owner"]).exists()
    week.follow("Open: Roster agreed with the unions")
    week.follow("My KPIs").open_first("kpi").follow("Correct")


def test_an_admin_sets_limits_invites_and_pulls(site: Site) -> None:
    week = at_work("admin")
    week.follow("Configuration").open_first("kpis:configure").follow("Limits of On-time arrivals")
    before = Target.objects.filter(kpi__code="OTA").count()
    week.send("Set these limits", target="86", reason="The board asked for it.")
    assert Target.objects.filter(kpi__code="OTA").count() == before + 1
    week.follow("Configuration").follow("People and roles").follow("Invite a person")
    week.send("Send the invitation", name="Bea Brandt", email="bea@example.com", role="member")
    assert RoleAssignment.objects.filter(user__email="bea@example.com", role="member").exists()
    week.follow("Configuration").follow("Objectives and perspectives").follow("Change the plan")
    week.send("Save", name="On time, 2027")
    week.follow("Configuration").follow("Sources").open_first("configuration:source").open_first("configuration:pull")
    week.follow("Configuration").follow("Who can see what").open_first("configuration:kpi_access")
    week.follow("Configuration").follow("Forums and review cadences").open_first("reviews:forum")


def test_an_auditor_reads_what_was_known_when_and_is_offered_nothing_to_write(site: Site) -> None:
    week = at_work("auditor")
    offered = set()

    def look() -> None:
        forms = week.page.forms.values()
        writing = [form for form in forms if form.attributes.get("method", "").lower() == "post"]
        offered.update(button.names for form in writing for button in form.buttons)

    look()
    week.send("Show", known=site.week.start.isoformat())
    assert week.says("By what was known on")
    look()
    week.follow("Scorecard").follow("On-time departures").follow("All")
    look()
    week.open_first("alerts:incident")
    look()
    week.follow("Reviews").open_first("reviews:review").open_first("reviews:pack")
    look()
    week.follow("Units").follow("Grid")
    look()
    week.follow("Initiatives").open_first("initiatives:initiative")
    look()
    assert offered == ON_EVERY_PAGE
