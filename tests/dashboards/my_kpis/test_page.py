"""The owner's page: who sees what, what is to be done first, and how the grid shows values."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alerts.models import Incident
from alerts.queries import incidents_to_acknowledge
from kpiplatform.accounts.models import User
from kpis.grades import confidence_of
from kpis.models import Commentary, Kpi, Measurement, PeriodLock, PeriodReopening
from kpis.templatetags.kpi_figures import grade
from objectives.models import Role
from tests.dashboards.my_kpis.sheets import TODAY, W42, W44, W45, W46, W47, cell, enter, page_of, row_state, text_of
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, limits, the_company

pytestmark = pytest.mark.django_db


# --- who sees what --------------------------------------------------------------------------------


def test_owner_deputy_and_steward_see_a_kpi_and_nobody_else(client):
    people = {name: a_person(name) for name in ("owner", "deputy", "steward", "manager", "admin")}
    a_kpi("Crews", code="CREWS", owner=people["owner"], deputy=people["deputy"], steward=people["steward"])
    for name, role in (("owner", Role.OWNER), ("deputy", Role.OWNER), ("steward", Role.MEMBER)):
        a_role(people[name], role)
    a_role(people["manager"], Role.MANAGER)
    a_role(people["admin"], Role.ADMIN)
    seen = set()
    for name, person in people.items():
        client.force_login(person)
        if "cell-CREWS" in page_of(client):
            seen.add(name)
    assert seen == {"owner", "deputy", "steward"}


def test_an_auditor_sees_no_kpi_to_type_into_even_as_its_owner(client):
    person = a_person()
    a_role(person, Role.AUDITOR)
    a_kpi(code="CREWS", owner=person)
    client.force_login(person)
    assert "No KPI is yours yet" in page_of(client)
    assert client.get(reverse("my:cell", args=["CREWS", W46])).status_code == 404


def test_retired_and_draft_kpis_take_no_values(client, rosa):
    a_kpi(code="OLD", owner=rosa, status=Kpi.Status.RETIRED)
    a_kpi(code="NEW", owner=rosa, status=Kpi.Status.DRAFT)
    assert "cell-" not in page_of(client)


def test_someone_without_kpis_is_told_what_will_stand_here(client, rosa):
    assert "No KPI is yours yet" in page_of(client)


def test_the_number_of_queries_does_not_grow_with_the_kpis(client, rosa):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page_of(client)
        return len(captured)

    def more(count: int, *, judged: bool) -> None:
        for number in range(count):
            kpi = a_kpi(f"KPI {number}", owner=rosa, frequency="week" if judged else ["day", "month"][number % 2])
            limits(kpi)
            if judged:
                enter(kpi, W46, "60")

    more(1, judged=True)
    few = queries()
    more(8, judged=True)
    assert queries() == few <= 17
    more(2, judged=False)
    # The goals of KPIs that were never judged are read from targets and thresholds.
    assert queries() == few + 2
    more(8, judged=False)
    assert queries() == few + 2


# --- to do first ------------------------------------------------------------------------------------


def test_the_first_sentence_counts_what_waits(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa)
    limits(kpi)
    for start in (W42, W42 + timedelta(weeks=1), W44, W45, W46):
        enter(kpi, start, "60")
    enter(kpi, W42 - timedelta(weeks=1), "60")
    assert text_of(page_of(client), "lede") == (
        "1 KPI is yours. One value is due on Mon 23 Nov, one red waits for an explanation and one alert for your "
        "acknowledgement."
    )


def test_values_that_are_missing_are_due_the_late_ones_first_and_named_by_period(client, rosa):
    late = a_kpi("Complaints", owner=rosa, active_from=W45)
    soon = a_kpi("Pushback crews", owner=rosa, active_from=W47)
    enter(late, W47, "6", now=NOW - timedelta(days=1))
    page = page_of(client)
    assert "Complaints, W45 and W46" in page
    assert "<b>13 days late</b>" in page
    assert "Pushback crews, W47" in page
    assert page.index("Complaints, W45") < page.index("Pushback crews, W47")
    assert row_state(page, late) == "W45 13 days late"
    assert row_state(page, soon) == "W47 due Mon 23 Nov"


def test_kpis_of_one_name_in_several_units_are_one_line(client, rosa):
    company = the_company()
    for code, name in (("ewr", "Newark"), ("jfk", "Kennedy")):
        unit = a_unit(code, name, company)
        a_kpi(f"Pushback crews, {name}", owner=rosa, unit=unit, active_from=W47)
    page = page_of(client)
    assert "Pushback crews, W47" in page
    assert "Newark and Kennedy. Typed by hand; no value yet." in page or "Kennedy and Newark" in page
    assert "Values due <span>2</span>" in page


def test_the_last_values_beside_what_is_owed_have_their_grades_of_confidence(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa, active_from=W46, measure_unit="crews", decimals=0)
    enter(kpi, W46, "6", now=NOW - timedelta(days=1))
    graded = confidence_of([(kpi.pk, W46)], today=TODAY)[kpi.pk, W46].grade
    assert f'Typed by hand; last: <span class="nowrap">6\u202fcrews {grade(graded)}</span>' in page_of(client)


@pytest.mark.parametrize(
    ("value", "asked", "css"),
    [
        ("99.5", "", "entry "),
        ("99999999", "", "entry entry--long"),
        ("1234567.25", "", "entry entry--longest"),
        ("100000", "?periods=13", "entry entry--wide entry--long"),
    ],
)
def test_a_grid_is_so_wide_that_no_number_is_cut_off(client, rosa, value, asked, css):
    kpi = a_kpi("Revenue", owner=rosa, measure_unit="USD", decimals=0)
    enter(kpi, W46, value, now=NOW - timedelta(days=1))
    page = client.get(reverse("my:kpis") + asked).content.decode()
    assert f'<table class="{css}"' in page
    limits(kpi, goal=1_200_000, red_flag=1_000_000)
    assert f'<table class="{css.strip()} entry--goals"' in client.get(reverse("my:kpis") + asked).content.decode()


def test_a_value_of_an_open_period_is_not_asked_for_long_before_it_is_due(client, rosa):
    kpi = a_kpi("Audits", owner=rosa, frequency="month", active_from=date(2026, 11, 1))
    page = page_of(client)
    assert "Nothing is owed. The next value by hand is due on Tue 1 Dec." in page
    assert "cell--due" not in cell(page, kpi, date(2026, 11, 1))


def test_a_period_that_closed_on_a_provisional_value_asks_to_confirm_it(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa, active_from=W46, measure_unit="crews", decimals=0)
    enter(kpi, W47, "5", now=NOW - timedelta(days=1))
    enter(kpi, W46, "6", now=NOW - timedelta(days=9))  # typed while the week was running
    page = page_of(client)
    graded = confidence_of([(kpi.pk, W46)], today=TODAY)[kpi.pk, W46].grade
    said = (
        f'Provisionally: <span class="nowrap">6\u202fcrews {grade(graded)}</span>. Confirm it or type the final value.'
    )
    assert said in page
    assert "Confirm 6" in page
    assert row_state(page, kpi) == "W46 is provisional"


def test_provisional_values_are_confirmed_together_after_a_look_at_each(client, rosa):
    lga, jfk = a_unit(), a_unit("jfk", "Kennedy")
    said = {"owner": rosa, "active_from": W46, "measure_unit": "crews", "decimals": 0}
    kpis = [a_kpi("Pushback crews", unit=unit, **said) for unit in (lga, jfk)]
    for kpi, value in zip(kpis, ("6", "7"), strict=True):
        enter(kpi, W46, value, now=NOW - timedelta(days=9))
        enter(kpi, W47, value, now=NOW - timedelta(days=1))
    page = page_of(client)
    assert "Confirm all 2" in page
    assert "Pushback crews, LaGuardia, W46: 6" in page
    assert "Confirm them or type the final values." in page
    fields = {f"{kpi.code}@{W46}@1": value for kpi, value in zip(kpis, ("6", "7"), strict=True)}
    answer = client.post(reverse("my:block"), fields | {"final": list(fields)}, follow=True)
    assert "2 values saved." in answer.content.decode()
    assert set(Measurement.objects.filter(period_start=W46).values_list("state", flat=True)) == {"reported"}
    page = page_of(client)
    assert "Confirm all" not in page
    assert '<p class="todo-none">Nothing is owed.</p>' in page


def test_a_red_waits_for_an_explanation_until_somebody_gave_one_since(client, rosa):
    kpi = a_kpi("Long delays", owner=rosa, entry=Kpi.Entry.SOURCE, decimals=1)
    limits(kpi, goal=80, red_flag=72)
    enter(kpi, W45, "85", note="x")
    enter(kpi, W46, "60", note="x")
    incident = Incident.objects.get()
    Incident.objects.update(explanation_due_on=TODAY - timedelta(days=2))
    page = page_of(client)
    assert "Reds to explain <span>1</span>" in page
    assert "<b>2 days late</b>" in page
    assert "60.0\u202f% against 80.0, red flag 72.0 <" in page
    assert "Off track since W46. Cause, action and recovery date are asked for." in page
    assert f"/alerts/incidents/{incident.pk}/#answer" in page
    said = {"kind": "explanation", "cause": "Fog", "action": "Crews", "recovery_on": TODAY, "author": rosa}
    early = Commentary.objects.create(kpi=kpi, created_at=incident.opened_at - timedelta(days=1), **said)
    assert "Reds to explain <span>1</span>" in page_of(client)
    Commentary.objects.filter(pk=early.pk).update(created_at=incident.opened_at)
    assert "Every red of yours has its explanation, or there is none." in page_of(client)


def test_alerts_wait_for_owner_and_deputy_exactly_as_the_alerts_say(client, rosa):
    mine = a_kpi("Mine", owner=rosa)
    deputised = a_kpi("Deputised", deputy=rosa)
    stewarded = a_kpi("Stewarded", steward=rosa)
    for kpi in (mine, deputised, stewarded):
        limits(kpi)
        enter(kpi, W45, "85")
        enter(kpi, W46, "75")
    waiting = incidents_to_acknowledge(rosa, today=TODAY)
    assert {incident.kpi for incident in waiting} == {mine, deputised}
    page = page_of(client)
    for incident in waiting:
        assert reverse("alerts:acknowledge", args=[incident.pk]) in page
    assert "Alerts to acknowledge <span>2</span>" in page


def test_an_alert_of_a_value_that_was_corrected_since_names_the_one_that_stands_beside_its_grade(client, rosa):
    kpi = a_kpi("Long delays", owner=rosa, decimals=1)
    limits(kpi)
    enter(kpi, W45, "85")
    enter(kpi, W46, "75")
    assert ", now" not in page_of(client)
    enter(kpi, W46, "74", seq=1, note="counted again")
    assert "75.0" in page_of(client)
    assert "in W46, now 74.0" in page_of(client)


def test_an_acknowledged_alert_leaves_the_list(client, rosa):
    kpi = a_kpi("Long delays", owner=rosa)
    limits(kpi)
    enter(kpi, W45, "85")
    enter(kpi, W46, "75")
    url = reverse("alerts:acknowledge", args=[Incident.objects.get().pk])
    answer = client.post(url, {"next": reverse("my:kpis")})
    assert answer["Location"] == reverse("my:kpis")
    assert "No alert waits." in page_of(client)


def test_htmx_reads_the_to_do_list_alone_with_the_sentence_out_of_band(client, rosa):
    a_kpi("Pushback crews", owner=rosa)
    answer = client.get(reverse("my:kpis"), headers={"HX-Request": "true"})
    part = answer.content.decode()
    assert "<html" not in part
    assert "data-entry" not in part
    assert re.search(r'<p class="lede" id="lede" hx-swap-oob="true">1 KPI is yours', part)
    assert 'hx-trigger="measurement-recorded from:body' in part


# --- the grid ---------------------------------------------------------------------------------------


def test_there_is_a_grid_per_frequency_those_to_type_in_first(client, rosa):
    for frequency, entry in (("day", "source"), ("month", "manual"), ("week", "manual")):
        a_kpi(frequency, owner=rosa, frequency=frequency, entry=entry)
    page = page_of(client)
    titles = re.findall(r'<h3 class="entry-title"[^>]*>(.*?)</h3>', page)
    assert titles == ["Weekly", "Monthly", "Daily"]
    heads = re.findall(r'<th scope="col">(W\d\d)<br>', page)
    assert heads == ["W41", "W42", "W43", "W44", "W45", "W46", "W47"]


def test_what_is_typed_by_hand_is_a_field_with_the_revision_it_was_shown_with(client, rosa):
    kpi = a_kpi("Pushback crews", code="CREWS", owner=rosa, decimals=0)
    limits(kpi, goal=6, red_flag=4)
    enter(kpi, W46, "5")
    enter(kpi, W46, "5.25", seq=1)
    shown = cell(page_of(client), kpi, W46)
    assert 'name="CREWS@2026-11-09@2"' in shown
    assert 'value="5.25"' in shown
    assert "Pushback crews, Harbor Airports, W46, At risk" in shown
    assert "band--risk" in shown


def test_what_a_source_brings_is_read_and_leads_to_its_correction(client, rosa):
    kpi = a_kpi("On-time departures", owner=rosa, entry=Kpi.Entry.SOURCE, decimals=1)
    enter(kpi, W46, "77.64", note="x")
    shown = cell(page_of(client), kpi, W46)
    assert "<input" not in shown
    assert f'href="{reverse("my:cell", args=[kpi.code, W46])}"' in shown
    assert ">77.6</a>" in shown
    assert "correct" in shown


def test_the_states_of_a_cell_look_different(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa, active_from=W44)
    enter(kpi, W44, None, not_applicable="Contractor until W44", note="Contractor until W44")
    enter(kpi, W46, "6", now=NOW - timedelta(days=1))
    enter(kpi, W47, "6", now=NOW - timedelta(days=1))
    page = page_of(client)
    assert "cell--na" in cell(page, kpi, W44)
    assert ">n/a</a>" in cell(page, kpi, W44)
    assert "cell--missing" in cell(page, kpi, W45)
    assert 'placeholder="missing"' in cell(page, kpi, W45)
    assert 'class="cell"' in cell(page, kpi, W46)
    assert "cell--provisional" in cell(page, kpi, W47)
    before = cell(page, kpi, W44 - timedelta(weeks=1))
    assert 'class="cell"' in before
    assert "placeholder" not in before


def test_locked_periods_are_plain_until_one_is_open_again(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa)
    enter(kpi, W42, "6")
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=W45, locked_by=rosa, locked_at=NOW)
    page = page_of(client)
    assert "cell--locked" in cell(page, kpi, W44)
    assert "<input" not in cell(page, kpi, W42)
    assert "<input" in cell(page, kpi, W45)
    assert re.search(r"W44<br>.*?<br>locked", page)
    PeriodReopening.objects.create(
        kpi=kpi,
        period_start=W42,
        reason="Counted wrong",
        requested_by=rosa,
        requested_at=NOW,
        decided_at=NOW,
        approved_by=a_person("Admin"),
        expires_at=NOW + timedelta(days=1),
    )
    page = page_of(client)
    assert "<input" in cell(page, kpi, W42)
    assert "<input" not in cell(page, kpi, W44)


def test_a_lock_of_another_unit_locks_nothing_here(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa, unit=a_unit("ewr", "Newark"))
    lga = a_unit("lga", "LaGuardia")
    PeriodLock.objects.create(calendar=kpi.calendar, unit=lga, locked_until=W47, locked_by=rosa, locked_at=NOW)
    assert "<input" in cell(page_of(client), kpi, W44)
    PeriodLock.objects.create(calendar=kpi.calendar, unit=kpi.unit, locked_until=W45, locked_by=rosa, locked_at=NOW)
    assert "<input" not in cell(page_of(client), kpi, W44)


def test_numbers_follow_the_persons_locale(client, rosa):
    User.objects.filter(pk=rosa.pk).update(locale="de")
    typed = a_kpi("Pushback crews", owner=rosa, decimals=1)
    read = a_kpi("Flights", owner=rosa, entry=Kpi.Entry.SOURCE, decimals=1)
    enter(typed, W46, "1234.5")
    enter(read, W46, "1234.5", note="x")
    page = page_of(client)
    assert 'value="1234,5"' in cell(page, typed, W46)
    assert ">1.234,5</a>" in cell(page, read, W46)


def test_the_goal_of_a_kpi_that_was_never_judged_is_shown_too(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa, decimals=1)
    limits(kpi, goal="6.0", red_flag=4)
    assert re.search(r'<td class="c-goal num">6</td>', page_of(client))


def test_what_was_typed_today_is_marked_and_says_what_stood_there_before(client, rosa):
    kpi = a_kpi("Pushback crews", owner=rosa, decimals=0)
    enter(kpi, W46, "5", now=NOW - timedelta(days=3))
    enter(kpi, W46, "6", seq=1)
    page = page_of(client)
    assert "cell--saved" in cell(page, kpi, W46)
    assert row_state(page, kpi) == "W46 saved 08:00, 5 → 6 Undo"


def test_what_another_person_changed_is_told_by_name_and_is_not_ones_to_undo(client, rosa):
    ana = a_person("Ana Kovač")
    kpi = a_kpi("Pushback crews", owner=rosa, deputy=ana, decimals=0)
    enter(kpi, W46, "5", now=NOW - timedelta(days=3))
    enter(kpi, W46, "6", seq=1, user=ana)
    page = page_of(client)
    assert "cell--saved" not in cell(page, kpi, W46)
    assert row_state(page, kpi) == "W46 by Ana Kovač 08:00, 5 → 6"
