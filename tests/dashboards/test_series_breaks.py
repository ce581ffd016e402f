"""A change of definition breaks the series: nothing is compared across it, and the page says so."""

from __future__ import annotations

from datetime import date
from unittest.mock import patch

import pytest
from django.urls import reverse

from kpiplatform.audit.editing import seen
from kpis.as_known import states_as_known
from kpis.models import Kpi, KpiState, KpiVersion
from kpis.services.defining import SHEET, define
from objectives.models import Role
from tests.dashboards.measured import W45, W46, WEEK, measured, page_of, weeks_to
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit

pytestmark = pytest.mark.django_db
STEADY = {start: ("80", "81")[number % 2] for number, start in enumerate(weeks_to(W46 - WEEK, 12))}


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


def redefined(kpi: Kpi, since: date, *, breaks: bool = True, **values) -> Kpi:
    """Change the definition from a day on."""
    return define(
        kpi=kpi, seen=seen(kpi, SHEET), values=values or {"inclusions": "departures only"}, effective_from=since,
        reason="counted otherwise", breaks_series=breaks, by=kpi.owner, now=NOW,
    )  # fmt: skip


def test_a_jump_by_another_definition_is_no_signal_and_has_no_previous_value():
    kpi = measured({**STEADY, W46: "20"})
    assert KpiState.objects.get().signal == "signal"
    redefined(kpi, W46)
    state = KpiState.objects.get()
    assert (state.signal, state.previous_value, state.value) == ("too_few", None, 20)


def test_before_the_first_value_by_the_new_definition_the_old_one_is_compared_as_ever():
    kpi = measured({**STEADY, W46: "20"})
    redefined(kpi, W46 + WEEK)
    assert (KpiState.objects.get().signal, KpiState.objects.get().previous_value) == ("signal", 81)


def test_a_change_that_does_not_break_the_series_changes_no_comparison():
    kpi = measured({**STEADY, W46: "20"})
    redefined(kpi, W46, breaks=False)
    assert KpiState.objects.get().signal == "signal"


def test_the_state_as_known_is_the_stored_one_also_across_a_break():
    kpi = measured({**STEADY, W46: "20"})
    redefined(kpi, W45)
    stored = KpiState.objects.get()
    known = states_as_known(kpis=[kpi], before=NOW.date(), known_at=None)[kpi.pk][0]
    assert (known.signal, known.previous_value) == (stored.signal, stored.previous_value) == ("too_few", 81)


def test_headline_chart_and_table_say_that_the_definition_changed():
    kpi = measured({**STEADY, W45: "80", W46: "20"})
    redefined(kpi, W46)
    kpi.refresh_from_db()
    page = page_of(kpi)
    assert [figure.remark for figure in page["headline"] if figure.label == "vs W45"] == [
        "not comparable: the definition changed"
    ]
    (to_date,) = (figure for figure in page["headline"] if figure.label == "Year to date")
    assert to_date.remark.endswith("; across a change of definition")
    rows = page["table"].rows
    assert [(row.period, row.remark, "is-break" in row.css) for row in rows[:2]] == [
        ("W46", "definition changed", True),
        ("W45", "", False),
    ]
    assert [note.text for note in page["chart"].notes] == [
        "Definition changed: values before and after do not compare. counted otherwise"
    ]


def test_natural_limits_start_again_and_say_so():
    kpi = measured({**STEADY, W46: "80"})
    redefined(kpi, weeks_to(W46, 9)[0])
    kpi.refresh_from_db()
    natural = page_of(kpi, view="xmr")["chart"].natural
    assert natural.basis == "From the 8 weeks before W46, since the definition changed."


# --- the versions -------------------------------------------------------------------------------


def test_each_version_says_what_changed_in_the_words_of_the_sheet(client):
    kpi = measured({W46: "80"})
    said = {"recorded_by": kpi.owner, "recorded_at": NOW, "effective_from": W45}
    sheet = {name: None for name in SHEET} | {"name": "On-time departures", "polarity": "higher_is_better"}
    KpiVersion.objects.create(
        kpi=kpi, version=1, definition=sheet | {"minimum": "0E-8", "lag_in_working_days": False}, **said
    )
    Kpi.objects.filter(pk=kpi.pk).update(version=1)
    kpi.refresh_from_db()
    guard = a_kpi("Secret costs", unit=a_unit("jfk"))
    after = sheet | {"name": "Punctual departures", "minimum": "5.50000000", "guard_id": guard.pk}
    after |= {"lag_in_working_days": True, "polarity": "lower_is_better"}
    KpiVersion.objects.create(kpi=kpi, version=2, definition=after, breaks_series=True, reason="clearer", **said)
    client.force_login(kpi.owner)
    second, first = client.get(reverse("kpi_versions", args=[kpi.code])).context["versions"]
    assert (second.number, second.since, second.why, second.breaks) == (2, "2 Nov 2026", "clearer", True)
    assert {(one.label, one.was, one.now) for one in second.differences} == {
        ("Name", "On-time departures", "Punctual departures"),
        ("Can't be below", "0", "5.5"),
        ("Guard KPI", "", "one that you may not open"),
        ("What is good", "higher is better", "lower is better"),
        ("Count working days only", "no", "yes"),
    }
    assert (first.is_first, first.differences) == (True, [])
    assert "Secret costs" not in client.get(reverse("kpi_versions", args=[kpi.code])).content.decode()


def test_a_line_that_reads_the_same_or_was_not_noted_yet_is_no_change(client):
    kpi = measured({W46: "80"})
    said = {"kpi": kpi, "recorded_by": kpi.owner, "recorded_at": NOW, "effective_from": W45}
    KpiVersion.objects.create(
        version=1, definition={"name": "Departures", "minimum": "0", "benchmark_source": ""}, **said
    )
    sheet = {"name": "Departures", "minimum": "0.00000000", "benchmark_source": None, "purpose": "Who needs help"}
    KpiVersion.objects.create(version=2, definition=sheet, **said)
    client.force_login(kpi.owner)
    second, _first = client.get(reverse("kpi_versions", args=[kpi.code])).context["versions"]
    assert second.differences == []


def test_whoever_does_not_see_the_kpi_finds_no_versions(client):
    kpi = measured({W46: "80"})
    stranger = a_person("Somebody Else")
    a_role(stranger, Role.MANAGER, a_unit("jfk"))
    client.force_login(stranger)
    assert client.get(reverse("kpi_versions", args=[kpi.code])).status_code == 404
