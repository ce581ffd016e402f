"""What programs read: KPIs, values by any frequency and as known on, the scorecard, page by page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from kpiplatform.api.v1.app import description
from kpis.calculations import Wanted, calculations
from kpis.domain.formula.deriving import derive
from kpis.domain.formula.evaluating import Missing
from kpis.domain.formula.parsing import parse
from kpis.domain.formula.series import Span
from kpis.domain.periods import Calendar
from kpis.models import Kpi, KpiVersion, Target, ThresholdSet
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from kpis.services.rolling import roll_up_objectives
from objectives.models import Role
from tests.api.programs import Program, a_program
from tests.factories import a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db
EARLY, LATE = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def owner():
    person = a_person(email="ana@example.com")
    a_role(person, Role.OWNER)
    return person


@pytest.fixture
def program(owner) -> Program:
    return a_program(owner)


def record(kpi: Kpi, *values: tuple[date, date, str | tuple[str, str] | None], at: datetime = LATE) -> None:
    readings = []
    for start, end, said in values:
        parts = said if isinstance(said, tuple) else (None, None)
        numerator, denominator = (None if part is None else Decimal(part) for part in parts)
        value = (
            Decimal(100) * numerator / denominator if numerator is not None else None if said is None else Decimal(said)
        )
        state = "not_applicable" if value is None else "reported"
        readings.append(
            Reading(
                kpi_id=kpi.pk, period_start=start, period_end=end, value=value, numerator=numerator,
                denominator=denominator, state=state, reason="closed" if value is None else "",
            )
        )  # fmt: skip
    record_measurements(readings=readings, origin=Origin(kind="manual", user_id=kpi.owner_id), now=at)


JANUARY, FEBRUARY, MARCH = (
    (date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 2, 1), date(2026, 3, 1)), (date(2026, 3, 1), date(2026, 4, 1)),
)  # fmt: skip


def test_a_kpi_has_its_definition_its_owner_and_the_limits_in_force(owner, program):
    kpi = a_kpi("On-time arrivals", code="OTP", owner=owner, purpose="To know", frequency=Kpi.Frequency.MONTH)
    limits(kpi)
    record(kpi, (*JANUARY, "70"))
    said = program.get("kpis/OTP").json()
    assert said["owner"] == {"name": owner.name, "email": "ana@example.com"}
    assert said["limits"] == {
        "goal": "80", "red_flag": "72", "goal_high": None, "red_flag_high": None, "none_because": "",
    }  # fmt: skip
    assert (said["purpose"], said["polarity"], said["deputy"]) == ("To know", "higher_is_better", None)
    assert (said["standing"]["period"], said["standing"]["value"], said["standing"]["band"]) == (
        "2026-01",
        "70",
        "off_track",
    )


def test_a_value_of_a_range_comes_with_both_ends_of_what_judged_it(owner, program):
    kpi = a_kpi(code="OTP", owner=owner, polarity="within_range", frequency=Kpi.Frequency.MONTH)
    said = {"effective_from": date(2020, 1, 1), "recorded_at": EARLY, "recorded_by": owner}
    Target.objects.create(kpi=kpi, low=27, high=29, **said)
    ThresholdSet.objects.create(kpi=kpi, mode="absolute", red_low=25, red_high=31, **said)
    record(kpi, (*JANUARY, "30"))
    (one,) = program.get("kpis/OTP/measurements").json()["items"]
    ends = ("red_flag", "goal", "goal_high", "red_flag_high")
    assert [one[end] for end in ends] == ["25", "27", "29", "31"]
    assert (one["band"], one["none_because"]) == ("at_risk", "")


def test_unknown_and_forbidden_are_answered_alike(owner, program):
    a_kpi(code="THEIRS", owner=a_person("Daniel Reyes"))
    for path in ("kpis/{}", "kpis/{}/measurements"):
        theirs, none = (program.get(path.format(code)) for code in ("THEIRS", "NONE"))
        assert (theirs.status_code, none.status_code) == (404, 404)
        assert theirs.json()["detail"].replace("THEIRS", "NONE") == none.json()["detail"]


def test_lists_are_read_to_the_end_through_next_and_changed_rows_are_neither_lost_nor_doubled(owner, program):
    for number in range(5):
        a_kpi(code=f"K-{number}", owner=owner)
    seen, path = [], "/api/v1/kpis?limit=2"
    while path:
        page = program.get(path.removeprefix("/api/v1/")).json()
        seen += [one["code"] for one in page["items"]]
        path = page["next"]
        Kpi.objects.filter(code="K-0").update(status="retired")
    assert seen == [f"K-{number}" for number in range(5)]


def test_measurements_have_value_judgement_and_revision_and_are_read_page_by_page(owner, program):
    kpi = a_kpi(code="OTP", owner=owner, frequency=Kpi.Frequency.MONTH)
    limits(kpi)
    record(kpi, (*JANUARY, "82.5"), (*FEBRUARY, None), (*MARCH, "71"))
    first = program.get("kpis/OTP/measurements", limit=2).json()
    assert [(one["period"], one.get("value"), one["state"], one["band"]) for one in first["items"]] == [
        ("2026-01", "82.5", "reported", "on_track"), ("2026-02", None, "not_applicable", ""),
    ]  # fmt: skip
    second = program.get(first["next"].removeprefix("/api/v1/")).json()
    assert [(one["period"], one["band"], one["revision"]) for one in second["items"]] == [("2026-03", "off_track", 1)]
    assert second["next"] == ""
    only = program.get("kpis/OTP/measurements", since="2026-02-01", until="2026-02-28").json()
    assert [one["period"] for one in only["items"]] == ["2026-02"]


def test_by_a_longer_period_a_ratio_is_the_ratio_of_its_sums_with_its_coverage(owner, program):
    kpi = a_kpi(
        code="RATIO", owner=owner, frequency=Kpi.Frequency.MONTH, ratio_factor=100,
        time_aggregation=Kpi.Aggregation.RATIO_OF_SUMS,
    )  # fmt: skip
    record(kpi, (*JANUARY, ("2", "4")), (*FEBRUARY, ("2", "100")))
    (quarter,) = program.get("kpis/RATIO/measurements", frequency="quarter").json()["items"]
    assert quarter["value"].startswith("3.846")
    assert (quarter["period"], quarter["periods_present"], quarter["periods_due"]) == ("2026-Q1", 2, 3)
    assert quarter["state"] == "incomplete"


def test_longer_periods_are_read_page_by_page_too(owner, program):
    kpi = a_kpi(code="SUM", owner=owner, time_aggregation=Kpi.Aggregation.SUM, frequency=Kpi.Frequency.MONTH)
    months = [(date(2025 + n // 12, n % 12 + 1, 1), date(2025 + (n + 1) // 12, (n + 1) % 12 + 1, 1)) for n in range(15)]
    record(kpi, *((*month, "1") for month in months))
    seen, path = [], "kpis/SUM/measurements?frequency=quarter&limit=2"
    while path:
        page = program.get(path).json()
        seen += [(one["period"], one["value"], one["state"]) for one in page["items"]]
        path = page["next"].removeprefix("/api/v1/")
    assert seen == [(f"{2025 + n // 4}-Q{n % 4 + 1}", "3", "complete") for n in range(5)]


def test_longer_periods_in_which_nothing_applied_end_no_list(owner, program):
    kpi = a_kpi(code="SUM", owner=owner, time_aggregation=Kpi.Aggregation.SUM, frequency=Kpi.Frequency.MONTH)
    record(kpi, (*JANUARY, None), (*FEBRUARY, None), (*MARCH, "1"))
    first = program.get("kpis/SUM/measurements?frequency=month&limit=2").json()
    assert first["next"]
    first = program.get("kpis/SUM/measurements?frequency=quarter&limit=1").json()
    assert [(one["value"], one["periods_due"], one["state"]) for one in first["items"]] == [("1", 1, "complete")]


def test_a_derived_kpi_aggregates_its_inputs_before_it_divides(owner, program):
    monthly = {"owner": owner, "frequency": Kpi.Frequency.MONTH, "time_aggregation": Kpi.Aggregation.SUM}
    late, all_bags = a_kpi(code="LATE", **monthly), a_kpi(code="ALL", **monthly)
    share = a_kpi(
        code="SHARE",
        formula="[LATE] / [ALL]",
        **monthly | {"entry": Kpi.Entry.DERIVED, "time_aggregation": Kpi.Aggregation.FORMULA},
    )
    for kpi, values in ((late, "22"), (all_bags, ("4", "100"))):
        record(kpi, *((*month, value) for month, value in zip((JANUARY, FEBRUARY), values, strict=True)))
    record(share, (*JANUARY, "0.5"), (*FEBRUARY, "0.02"))
    (quarter,) = program.get("kpis/SHARE/measurements", frequency="quarter").json()["items"]
    assert quarter["value"].startswith("0.03846")


def test_a_longer_period_is_computed_by_the_formula_that_held_then(owner, program):
    """And so where another formula refers to it, whatever it is computed by today."""
    monthly = {"owner": owner, "frequency": Kpi.Frequency.MONTH, "time_aggregation": Kpi.Aggregation.SUM}
    derived = {"entry": Kpi.Entry.DERIVED, "time_aggregation": Kpi.Aggregation.FORMULA}
    late = a_kpi(code="LATE", **monthly)
    share = a_kpi(code="SHARE", formula="[LATE] × 100", **monthly | derived)
    outer = a_kpi(code="OUTER", formula="[SHARE]", **monthly | derived | {"frequency": Kpi.Frequency.QUARTER})
    for number, (start, formula) in enumerate([(JANUARY[0], "[LATE]"), (date(2026, 4, 1), "[LATE] × 100")], start=1):
        sheet = {"entry": "derived", "formula": formula}
        KpiVersion.objects.create(
            kpi=share, version=number, effective_from=start, definition=sheet, recorded_at=EARLY, recorded_by=owner
        )
    april = date(2026, 4, 1), date(2026, 5, 1)
    record(late, (*JANUARY, "1"), (*MARCH, "1"), (*april, "2"))
    record(share, (*JANUARY, "1"), (*MARCH, "1"), (*april, "200"))
    asked = {"frequency": "quarter"}
    quarters = program.get("kpis/SHARE/measurements", **asked).json()["items"]
    assert [one["value"] for one in quarters] == ["2", "200"]
    spans = [Span(start=JANUARY[0], end=april[0]), Span(start=april[0], end=date(2026, 7, 1))]
    wanted = Wanted(formula=parse(outer.formula), missing=Missing.BLANK, calendar=Calendar(), spans=spans)
    (calculation,) = calculations([wanted])
    assert [derive(calculation, span, today=LATE.date()).value for span in spans] == [2, 200]


def test_a_longer_period_is_the_same_wherever_a_page_begins(owner, program):
    """The week that ends in a month began before it, and the year before its third quarter."""
    daily = a_kpi(code="DAY", owner=owner, frequency=Kpi.Frequency.DAY, time_aggregation=Kpi.Aggregation.SUM)
    derived = {"owner": owner, "entry": Kpi.Entry.DERIVED, "time_aggregation": Kpi.Aggregation.FORMULA}
    weekly = a_kpi(code="WEEK", formula="[DAY]", **derived)
    monthly = a_kpi(code="YEAR", formula="ytd([DAY])", **derived | {"frequency": Kpi.Frequency.MONTH})
    days = [date(2026, 1, 26) + timedelta(days=n) for n in range(35)]
    record(daily, *((day, day + timedelta(days=1), "1") for day in days))
    record(weekly, *((day, day + timedelta(days=7), "7") for day in days[::7]))
    record(monthly, (*JANUARY, "6"), (date(2026, 4, 1), date(2026, 5, 1), "35"))
    for code, often, since, values in (
        ("WEEK", "month", "2026-02-10", ["28", "7"]),
        ("YEAR", "quarter", "2026-04-10", ["35", "35"]),
    ):
        asked = {"frequency": often}
        assert [one["value"] for one in program.get(f"kpis/{code}/measurements", **asked).json()["items"]] == values
        later = program.get(f"kpis/{code}/measurements", **asked, since=since).json()["items"]
        assert [one["value"] for one in later] == values[-len(later) :]


def test_a_longer_period_lacks_what_was_expected_before_the_first_value(owner, program):
    sums = {"time_aggregation": Kpi.Aggregation.SUM, "frequency": Kpi.Frequency.MONTH}
    kpi = a_kpi(code="SUM", owner=owner, active_from=JANUARY[0], **sums)
    record(kpi, (*MARCH, "1"))
    (quarter,) = program.get("kpis/SUM/measurements", frequency="quarter").json()["items"]
    assert (quarter["periods_present"], quarter["periods_due"], quarter["state"]) == (1, 3, "incomplete")


def test_a_derived_kpi_as_known_is_made_of_what_was_known_of_its_inputs_by_the_formula_of_then(owner, program):
    monthly = {"owner": owner, "frequency": Kpi.Frequency.MONTH, "time_aggregation": Kpi.Aggregation.SUM}
    late, all_bags = a_kpi(code="LATE", **monthly), a_kpi(code="ALL", **monthly)
    derived = {"entry": Kpi.Entry.DERIVED, "time_aggregation": Kpi.Aggregation.FORMULA}
    share = a_kpi(code="SHARE", formula="[LATE] / [ALL] × 100", **monthly | derived)
    KpiVersion.objects.create(
        kpi=share, version=1, effective_from=JANUARY[0], recorded_at=EARLY, recorded_by=owner,
        definition={"entry": "derived", "formula": "[LATE] / [ALL]"},
    )  # fmt: skip
    for kpi, value in ((late, "2"), (all_bags, "4"), (share, "0.5")):
        record(kpi, (*JANUARY, value), at=EARLY)
    record(late, (*JANUARY, "3"))
    record(late, (*FEBRUARY, "1"))
    known = {"frequency": "quarter", "known_on": "2026-02-20"}
    (quarter,) = program.get("kpis/SHARE/measurements", **known).json()["items"]
    assert (quarter["value"], quarter["reason"]) == ("0.5", "")
    (quarter,) = program.get("kpis/SHARE/measurements", frequency="quarter").json()["items"]
    assert quarter["value"] == "100"


def test_a_shorter_period_than_the_kpis_own_is_refused(owner, program):
    a_kpi(code="OTP", owner=owner, frequency=Kpi.Frequency.MONTH)
    response = program.get("kpis/OTP/measurements", frequency="week")
    assert response.status_code == 422
    assert response.json()["detail"] == "OTP is a monthly KPI: it has no values of shorter periods."


def test_values_are_read_as_they_were_known_on_a_day(owner, program):
    kpi = a_kpi(code="OTP", owner=owner, frequency=Kpi.Frequency.MONTH)
    limits(kpi, recorded_at=EARLY)
    record(kpi, (*JANUARY, "70"), at=EARLY)
    record(kpi, (*JANUARY, "85"), (*FEBRUARY, "60"))
    now, then = (
        program.get("kpis/OTP/measurements", **known).json()["items"] for known in ({}, {"known_on": "2026-03-01"})
    )
    assert [(one["value"], one["band"]) for one in now] == [("85", "on_track"), ("60", "off_track")]
    assert [(one["value"], one["band"], one["revision"]) for one in then] == [("70", "off_track", 1)]
    (year,) = program.get("kpis/OTP/measurements", frequency="year", known_on="2026-03-01").json()["items"]
    assert (year["value"], year["periods_due"], year["state"]) == ("70", 2, "open")


def test_the_scorecard_has_roll_ups_and_the_kpis_that_the_token_reads(owner):
    executive = a_person("Ines Okafor")
    a_role(executive, Role.EXECUTIVE)
    monthly = {"owner": owner, "frequency": Kpi.Frequency.MONTH, "created_at": EARLY}
    kpi = a_kpi(code="OTP", tier="strategic", **monthly)
    hidden = a_kpi(code="HIDDEN", objective=kpi.objective, **monthly)
    for one in (kpi, hidden):
        limits(one, recorded_at=EARLY)
        record(one, (*JANUARY, "70"), at=EARLY)
    record(kpi, (*JANUARY, "90"))
    roll_up_objectives(objective_ids=[kpi.objective_id], now=LATE)
    program = a_program(executive)
    (now,), (then,) = (program.get("scorecard", **known).json()["items"] for known in ({}, {"known_on": "2026-03-01"}))
    assert [one["code"] for one in now["kpis"]] == ["OTP"]
    assert (now["total"], now["with_data"], now["coverage"]) == (2, 2, "1")
    assert (now["kpis"][0]["period"], now["kpis"][0]["value"]) == ("2026-01", "90")
    assert (now["kpis"][0]["band"], then["kpis"][0]["band"], then["band"]) == ("on_track", "off_track", "off_track")
    assert a_program(executive, kpis=[kpi]).get("scorecard").json()["items"] == []


def test_what_one_has_already_is_not_sent_again(owner, program):
    kpi = a_kpi(code="OTP", owner=owner)
    first = program.get("kpis/OTP")
    assert "private" in first["Cache-Control"]
    again = program.get("kpis/OTP", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Kpi.objects.filter(pk=kpi.pk).update(purpose="Another")
    assert program.get("kpis/OTP", headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "x"},
        {"tier": "strategical"},
        {"unit": "a\0"},
        {"unit": "nowhere"},
        {"after": "\0"},
    ],
)
def test_a_question_that_makes_no_sense_says_where(program, query):
    response = program.get("kpis", **query)
    assert response.status_code == 422
    assert [one["where"] for one in response.json()["errors"]] == list(query)


@pytest.mark.parametrize("path", ["kpis", "kpis/OTP/measurements", "scorecard"])
def test_a_question_by_another_name_is_named_instead_of_left_out(owner, program, path):
    """A slip like known-on would be answered with what is known now."""
    a_kpi(code="OTP", owner=owner)
    response = program.get(path, **{"known-on": "2026-03-01", "limit": 5})
    assert response.status_code == 422
    assert response.json()["errors"] == [{"where": "known-on", "why": "There is no such field."}]


@pytest.mark.parametrize("name", ["since", "until", "known_on", "after"])
def test_days_that_no_calendar_knows_are_refused_and_the_last_one_is_read(owner, program, name):
    kpi = a_kpi(code="OTP", owner=owner, frequency=Kpi.Frequency.MONTH)
    record(kpi, (*JANUARY, "82.5"))
    for frequency in ("", "year"):
        ask = {"frequency": frequency}
        assert program.get("kpis/OTP/measurements", **ask, **{name: "2200-12-31"}).status_code == 200
        refused = program.get("kpis/OTP/measurements", **ask, **{name: "9999-12-31"})
        assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, name)
    assert program.get("scorecard", known_on="9999-12-31").status_code == 422
    assert program.get("kpis/OTP%00").status_code == 404


def test_wrong_methods_and_addresses_are_problems_too(client, program):
    wrong = client.delete("/api/v1/kpis", headers=program.headers())
    assert (wrong.status_code, wrong["Content-Type"]) == (405, "application/problem+json")
    missing = client.post("/api/v1/nothing", headers=program.headers())
    assert (missing.status_code, missing["Content-Type"]) == (404, "application/problem+json")


def test_a_page_of_a_hundred_kpis_takes_as_many_statements_as_one_of_ten(owner, program, django_assert_max_num_queries):
    objective = a_kpi(owner=owner).objective
    for number in range(30):
        a_kpi(code=f"K-{number:02d}", owner=owner, objective=objective)
    with django_assert_max_num_queries(9):
        assert len(program.get("kpis").json()["items"]) == 31


def test_the_description_of_the_interface_is_complete_and_its_page_asks_nobody_else(client, owner):
    client.force_login(owner)
    text = client.get(reverse("api:documentation")).content.decode()
    for path, methods in description()["paths"].items():
        assert path in text
        for said in methods.values():
            assert {"summary", "description", "responses", "security"} <= said.keys()
            assert {200, 401, 403, 422, 429} <= said["responses"].keys()
    loaded = [
        part.partition('"')[0] for mark in ('src="', '<link rel="stylesheet" href="') for part in text.split(mark)[1:]
    ]
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)
    assert client.get(reverse("api:openapi")).json()["openapi"].startswith("3.")
