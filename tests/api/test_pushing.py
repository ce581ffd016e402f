"""Pushed values: each row by itself, and the same push again changes nothing."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kpiplatform.api.models import Push
from kpis.domain.periods import Calendar, period_of, previous_period
from kpis.grades import confidence_of
from kpis.models import Kpi, Measurement, MeasurementRevision, PeriodLock
from objectives.models import Role
from tests.api.programs import Program, a_program
from tests.factories import NOW, a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db
WEEK = "2026-W40"


@pytest.fixture
def owner():
    person = a_person()
    a_role(person, Role.OWNER)
    return person


@pytest.fixture
def program(owner) -> Program:
    return a_program(owner)


def period_before(day: date) -> str:
    return previous_period(period_of(day, "week", Calendar()), Calendar()).key


def results(response) -> list[tuple[str, str, str | None]]:
    assert response.status_code == 200, response.content
    return [(one["status"], one["detail"], one["stands"]) for one in response.json()["results"]]


def test_a_value_is_recorded_judged_and_known_to_come_from_the_token_of_a_person(owner, program):
    kpi = a_kpi(code="OTP", owner=owner)
    limits(kpi)
    assert results(program.push({"kpi": "OTP", "period": WEEK, "value": "81.25"})) == [("new", "", "81.25")]
    revision = MeasurementRevision.objects.get()
    assert (revision.kind, revision.recorded_by, revision.note) == (
        "api",
        owner,
        "pushed with the token “Nightly load”",
    )
    kpi.refresh_from_db()
    assert (kpi.state.band, kpi.state.value) == ("on_track", Decimal("81.25"))


def test_the_same_values_again_write_nothing_and_other_ones_are_revisions(owner, program):
    a_kpi(code="OTP", owner=owner)
    row = {"kpi": "OTP", "period": WEEK, "value": 81.25}
    assert [results(program.push(row))[0][0] for _ in range(2)] == ["new", "unchanged"]
    assert results(program.push(row | {"value": "81.250"})) == [("unchanged", "", "81.25")]
    assert results(program.push(row | {"value": "80"}, note="late flights")) == [("revised", "", "80")]
    assert [row.note for row in MeasurementRevision.objects.order_by("seq")][-1] == "late flights"
    assert MeasurementRevision.objects.count() == 2


def test_what_others_have_read_changes_only_with_a_reason(owner, program):
    a_kpi(code="OTP", owner=owner)
    old, provisional = ({"kpi": "OTP", "period": WEEK, "value": 80} | more for more in ({}, {"period": "2026-W39"}))
    latest = {"kpi": "OTP", "period": period_before(timezone.localdate()), "value": 80}
    assert results(program.push(old, provisional | {"provisional": True}, latest)) == [("new", "", "80")] * 3
    assert results(program.push(old))[0][0] == "unchanged"
    said = results(program.push(*(one | {"value": 70} for one in (old, provisional, latest))))
    why = f"Another value stands for {WEEK}, which others have read: say in a note why it changes."
    assert said == [("refused", why, "80"), ("revised", "", "70"), ("revised", "", "70")]
    assert results(program.push(old | {"value": 70}, note="counted twice")) == [("revised", "", "70")]


def test_every_digit_of_a_number_is_kept(owner, program):
    a_kpi(code="OTP", owner=owner)
    body = b'{"measurements": [{"kpi": "OTP", "period": "2026-W40", "value": 12345678901234567.12345678}]}'
    assert results(program.post_raw(body)) == [("new", "", "12345678901234567.12345678")]


def test_the_period_is_named_by_key_or_by_its_first_day(owner, program):
    a_kpi(code="WEEKLY", owner=owner)
    a_kpi(code="MONTHLY", owner=owner, frequency=Kpi.Frequency.MONTH)
    a_kpi(code="DAILY", owner=owner, frequency=Kpi.Frequency.DAY)
    said = [("WEEKLY", "2026-09-28"), ("MONTHLY", "2026-09-01"), ("MONTHLY", "2026-08"), ("DAILY", "2026-09-30")]
    pushed = program.push(*({"kpi": kpi, "period": period, "value": 1} for kpi, period in said))
    assert [status for status, _, _ in results(pushed)] == ["new"] * 4
    assert set(Measurement.objects.values_list("period_start", flat=True)) == {
        date(2026, 9, 28), date(2026, 9, 1), date(2026, 8, 1), date(2026, 9, 30),
    }  # fmt: skip


def test_a_ratio_is_computed_from_its_parts_and_a_period_may_not_apply(owner, program):
    a_kpi(code="RATIO", owner=owner, time_aggregation=Kpi.Aggregation.RATIO_OF_SUMS, ratio_factor=100)
    pushed = program.push(
        {"kpi": "RATIO", "period": WEEK, "numerator": 2, "denominator": "4"},
        {"kpi": "RATIO", "period": "2026-W39", "not_applicable": "closed for works"},
        {"kpi": "RATIO", "period": "2026-W38", "numerator": 2, "denominator": 0},
        {"kpi": "RATIO", "period": "2026-W37", "numerator": 1, "denominator": 4, "provisional": True},
    )
    assert [(status, stands) for status, _, stands in results(pushed)] == [
        ("new", "50"), ("new", None), ("new", None), ("new", "25"),
    ]  # fmt: skip
    states = dict(Measurement.objects.values_list("period_start", "state"))
    assert list(states.values()).count("reported") == 2
    assert {"not_applicable", "provisional"} < set(states.values())


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"value": 97}, "This KPI is a ratio: send numerator (late) and denominator (flights)."),
        ({"numerator": 97}, "This KPI is a ratio: send numerator (late) and denominator (flights)."),
        ({"value": 97, "numerator": 1, "denominator": 2}, "The value is not what its numerator and denominator come"),
        ({"value": 50, "numerator": 1, "denominator": 2}, ""),
    ],
)
def test_a_ratio_wants_its_parts_and_a_value_beside_them_that_is_theirs(owner, program, row, why):
    ratio = {"time_aggregation": Kpi.Aggregation.RATIO_OF_SUMS, "ratio_factor": 100}
    a_kpi(code="RATIO", owner=owner, numerator_label="late", denominator_label="flights", **ratio)
    ((_, said, stands),) = results(program.push({"kpi": "RATIO", "period": WEEK} | row))
    assert said.startswith(why)
    assert (said == "", stands) == (why == "", None if why else "50")


def test_a_value_that_is_averaged_by_weight_brings_its_weight_as_denominator(owner, program):
    fields = {"time_aggregation": Kpi.Aggregation.WEIGHTED_AVERAGE, "frequency": Kpi.Frequency.MONTH}
    a_kpi(code="MEAN", owner=owner, **fields)
    rows = [("2026-01", 4, 100), ("2026-02", "2.5", 20), ("2026-03", 9, None), ("2026-04", 9, 0)]
    pushed = program.push(
        *({"kpi": "MEAN", "period": key, "value": value, "denominator": weight} for key, value, weight in rows)
    )
    why = "This KPI is averaged by weight: send value, and its weight above 0 as denominator."
    assert results(pushed) == [("new", "", "4"), ("new", "", "2.5"), ("new", "", "9"), ("refused", why, None)]
    (quarter,) = program.get("kpis/MEAN/measurements", frequency="quarter").json()["items"]
    assert (quarter["value"], quarter["periods_present"], quarter["periods_due"]) == ("3.75", 2, 3)


@pytest.mark.parametrize("slip", [{"note": "late"}, {"provisonal": True}])
def test_a_field_that_does_not_exist_is_named_instead_of_lost(owner, program, slip):
    a_kpi(code="OTP", owner=owner)
    response = program.push({"kpi": "OTP", "period": WEEK, "value": 1} | slip)
    assert response.status_code == 422
    assert response.json()["errors"][0]["where"] == f"measurements.0.{next(iter(slip))}"
    assert not Measurement.objects.exists()


def test_what_stands_comes_with_its_grade_of_confidence(owner, program):
    kpi = a_kpi(code="OTP", owner=owner, maximum=100)
    rows = [{"kpi": "OTP", "period": WEEK, "value": value} for value in (80, 101)]
    said = [program.push(row).json()["results"][0]["confidence"] for row in rows]
    graded = confidence_of([(kpi.pk, date(2026, 9, 28))], today=timezone.localdate())
    assert said == [next(iter(graded.values())).grade] * 2
    none = program.push({"kpi": "OTP", "period": "2026-W39", "not_applicable": "closed"}).json()["results"]
    assert none[0]["confidence"] == ""


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"period": "2026-W40", "value": "1,5"}, "“1,5” is not a number as it is sent: digits with a point as decimal"),
        ({"period": "2026-W40", "value": "NaN"}, "is not a number"),
        ({"period": "2026-W40"}, "There is no value: send value, or not_applicable with the reason."),
        ({"period": "2026-W40", "value": 1, "numerator": 1, "denominator": 2}, "This KPI is one number: send value"),
        ({"period": "2026-W54", "value": 1}, "There is no period 2026-W54"),
        ({"period": "soon", "value": 1}, "is not a period"),
        ({"period": "2026-10", "value": 1}, "2026-10 is no period of a weekly KPI"),
        ({"period": "2026-09-29", "value": 1}, "is not the first day of a period; that period is 2026-W40"),
        ({"period": "2099-W01", "value": 1}, "has not begun"),
        ({"period": "2026-W40", "value": 101}, "101 is more than 100"),
        ({"period": "2026-W40", "value": "1e9"}, "is not a number"),
        ({"period": "2026-W40", "value": 1, "not_applicable": "closed"}, "send one or the other"),
    ],
)
def test_a_row_that_is_refused_says_why_and_what_stands_and_the_others_are_kept(owner, program, row, why):
    a_kpi(code="OTP", owner=owner, maximum=100)
    a_kpi(code="GOOD", owner=owner)
    program.push({"kpi": "OTP", "period": "2026-W40", "value": 7})
    refused, kept = results(program.push({"kpi": "OTP"} | row, {"kpi": "GOOD", "period": WEEK, "value": 2}))
    assert refused[0] == "refused"
    assert why in refused[1]
    assert refused[2] == ("7" if row["period"] == "2026-W40" else None)
    assert kept == ("new", "", "2")


def test_a_kpi_of_others_is_answered_like_one_that_does_not_exist(owner, program):
    a_kpi(code="THEIRS", owner=a_person("Daniel Reyes"))
    theirs, none = results(program.push(*({"kpi": code, "period": WEEK, "value": 1} for code in ("THEIRS", "NONE"))))
    assert theirs == ("refused", "There is no KPI THEIRS that this token may push to.", None)
    assert none[1] == theirs[1].replace("THEIRS", "NONE")
    assert not Measurement.objects.exists()


def test_a_kpi_that_a_source_feeds_wants_a_note_and_a_derived_one_takes_no_value(owner, program):
    a_kpi(code="FED", owner=owner, entry=Kpi.Entry.SOURCE)
    a_kpi(code="MADE", owner=owner, entry=Kpi.Entry.DERIVED)
    rows = [{"kpi": code, "period": WEEK, "value": 1} for code in ("FED", "MADE")]
    assert [why for _, why, _ in results(program.push(*rows))] == [
        "Values of this KPI come from a source: say in a note why this one is pushed.",
        "This KPI is computed from others and takes no value.",
    ]
    assert results(program.push(rows[0], note="the source is down"))[0][0] == "new"


def test_a_value_that_somebody_has_to_approve_is_not_pushed_past_them(owner):
    deputy = a_person("Noah Fields")
    a_role(deputy, Role.MEMBER)
    a_kpi(code="FOUR-EYES", owner=owner, deputy=deputy, needs_approval=True)
    row = {"kpi": "FOUR-EYES", "period": WEEK, "value": 1}
    ((status, why, _),) = results(a_program(deputy).push(row))
    assert (status, why[:40]) == ("refused", "Values of this KPI wait for approval: en")
    Kpi.objects.update(needs_approval=False)
    assert results(a_program(deputy).push(row))[0][0] == "new"


def test_of_two_rows_for_one_period_the_first_is_taken_and_a_locked_one_is_not(owner, program):
    kpi = a_kpi(code="OTP", owner=owner)
    PeriodLock.objects.create(calendar=kpi.calendar, locked_until=date(2026, 9, 1), locked_by=owner, locked_at=NOW)
    periods = ((WEEK, 1), ("2026-09-28", 2), ("2026-W30", 3))
    pushed = results(program.push(*({"kpi": "OTP", "period": period, "value": value} for period, value in periods)))
    assert pushed == [
        ("new", "", "1"),
        ("refused", "Row 1 is for the same KPI and period, and was taken.", "1"),
        ("refused", "2026-W30 is locked.", None),
    ]


def test_the_same_key_gets_the_same_answer_and_another_body_is_refused(owner, program):
    a_kpi(code="OTP", owner=owner)
    row = {"kpi": "OTP", "period": WEEK, "value": 1}
    first = program.push(row, key="load-1")
    again = program.push(row, key="load-1")
    assert again.json() == first.json()
    assert (first.json()["new"], again["Idempotency-Replayed"], first.has_header("Idempotency-Replayed")) == (
        1,
        "true",
        False,
    )
    other = program.push(row | {"value": 2}, key="load-1")
    assert other.status_code == 422
    assert "Nothing was recorded" in other.json()["detail"]
    assert Measurement.objects.get().value == 1
    assert a_program(owner).push(row, key="load-1").json()["unchanged"] == 1


def test_a_key_is_forgotten_after_a_day(owner, program):
    a_kpi(code="OTP", owner=owner)
    row = {"kpi": "OTP", "period": WEEK, "value": 1}
    program.push(row, key="load-1")
    Push.objects.update(pushed_at=NOW.replace(year=2020))
    assert program.push(row, key="load-1").json()["unchanged"] == 1


@pytest.mark.django_db(transaction=True)
def test_two_pushes_with_one_key_at_once_are_one(owner, program):
    a_kpi(code="OTP", owner=owner)
    answers = []

    def push() -> None:
        answers.append(program.push({"kpi": "OTP", "period": WEEK, "value": 1}, key="load-1").json())
        connection.close()

    threads = [threading.Thread(target=push) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers[0] == answers[1]
    assert answers[0]["new"] == 1
    assert MeasurementRevision.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b'{"measurements": [{"kpi": "OTP", "period": "2026-W40", "value": NaN}]}', 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'{"measurements": []}', 422),
        (b'{"measurements": [{"kpi": "OTP", "period": "2026-W40", "value": {}}]}', 422),
        (b'{"measurements": [{"kpi": "OTP"}]}', 422),
        (b'{"measurements": [{"kpi": "OTP\\u0000", "period": "2026-W40", "value": 1}]}', 422),
        (b'{"measurements": [{"kpi": "OTP", "period": "2026-W40", "not_applicable": "\\u0000"}]}', 422),
        (b'{"measurements": [{"kpi": "OTP", "period": "\\u0000", "value": 1}]}', 422),
        (b'{"measurements": [{"kpi": "OTP", "period": "2026-W40", "denominator": "\\u0000"}]}', 422),
        (b'{"measurements": [{"kpi": "OTP", "period": "2026-W40", "value": 1}], "note": "\\u0000"}', 422),
        (b'{"measurements": "' + b"x" * 3_000_000 + b'"}', 413),
    ],
)
def test_what_makes_no_sense_is_a_problem_with_a_sentence_and_records_nothing(owner, program, body, status):
    a_kpi(code="OTP", owner=owner)
    response = program.post_raw(body)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert "Nothing was recorded" in response.json()["detail"]
    assert not Measurement.objects.exists()


def test_more_rows_than_the_limit_are_refused_at_once(owner, program, monkeypatch):
    row = b'{"kpi":"OTP","period":"2026-W40","value":1}'
    response = program.post_raw(b'{"measurements": [' + b",".join([row] * 10_001) + b"]}")
    assert response.status_code == 422
    assert "10000" in response.json()["errors"][0]["why"]


def test_a_push_of_a_hundred_rows_takes_as_many_statements_as_one_of_five(owner, program):
    objective = a_kpi(code="K-0", owner=owner).objective
    for number in range(1, 5):
        a_kpi(code=f"K-{number}", owner=owner, objective=objective)
    counts = []
    for weeks in (range(10, 11), range(11, 31)):
        rows = [{"kpi": f"K-{number}", "period": f"2026-W{week}", "value": 1} for number in range(5) for week in weeks]
        with CaptureQueriesContext(connection) as queries:
            assert program.push(*rows).json()["new"] == len(rows)
        counts.append(len(queries))
    assert counts[1] <= counts[0]


def test_a_push_of_another_magnitude_is_refused_as_a_whole_unless_it_is_said_to_be_right(owner, program):
    codes = ["A", "B", "C"]
    for code in codes:
        a_kpi(code=code, owner=owner)
    weeks = [f"2026-W{number}" for number in range(30, 36)]
    said = [{"kpi": code, "period": week, "value": 80} for code in codes for week in weeks]
    assert {status for status, _detail, _stands in results(program.push(*said))} == {"new"}
    leaping = [{"kpi": code, "period": "2026-W36", "value": 80_000} for code in codes]
    emptied = [{"kpi": "B", "period": week, "value": 0} for week in weeks]
    for rows, why in (
        (leaping, "3 of 3 KPIs would leap"),
        (leaping[:1], "“On-time arrivals” would leap"),
        (emptied, "6 values that stand would become 0"),
    ):
        answer = program.push(*rows, note="corrected")
        assert answer.status_code == 422
        assert why in answer.json()["detail"]
        assert "send them with “sure”: true" in answer.json()["detail"]
    assert not MeasurementRevision.objects.exclude(value=80).exists()
    assert results(program.push(*leaping, sure=True, key="once"))[0][0] == "new"
    assert results(program.push(*emptied[:2], note="closed"))[0][0] == "revised"  # two may be so
