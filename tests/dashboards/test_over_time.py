"""A KPI over longer periods: its page, its units, and what it says where there is nothing to compare."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kpiplatform.dashboards.kpi_over_time.choice import Choice
from kpiplatform.dashboards.kpi_over_time.presenter import over_time
from kpiplatform.dashboards.kpi_page.choice import Choice as PageChoice
from kpiplatform.dashboards.kpi_page.presenter import kpi_page
from kpis.models import Kpi, KpiVersion, PeriodCalendar
from kpis.readings import Reading
from tests.dashboards.measured import W44, W45, W46, a_ratio, a_week, facts_of, measured, record
from tests.dashboards.test_kpi_page_reading import admin
from tests.factories import NOW, a_person, a_role, a_unit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def today_is_22_november_2026():
    with patch("django.utils.timezone.now", return_value=NOW):
        yield


def page_of(kpi: Kpi, user=None, **query: str) -> dict:
    facts = facts_of(kpi, user)
    return over_time(facts, Choice.from_query(query, own=kpi.frequency))


def a_rate(**fields) -> Kpi:
    fields = {"ratio_factor": 100, "time_aggregation": "ratio_of_sums", "unit_aggregation": "ratio_of_sums", **fields}
    return measured({}, **fields)


def test_a_month_of_a_rate_divides_its_sums_and_says_how_many_weeks_it_has():
    kpi = a_rate()
    record(kpi, [a_ratio(kpi, W44, 9, 10), a_ratio(kpi, W45, 2, 4), a_ratio(kpi, W46, 2, 100)])
    page = page_of(kpi, by="month")
    (november,) = page["rows"]  # W44 ends on 1 November
    assert (november.value, november.coverage) == ("11.4", "3 of 3 so far")
    assert november.remark == "still running"
    weeks = page_of(kpi, by="week")["rows"]
    assert [(row.value, row.previous) for row in weeks] == [("2.0", "−48.0"), ("50.0", "−40.0"), ("90.0", "–")]
    assert weeks[0].to_date == "11.4"


def test_a_month_of_what_a_formula_derives_rolls_its_inputs_up_first():
    late = measured({}, code="LATE", time_aggregation="sum", measure_unit="", active_from=W45)
    planned = measured({}, code="PLANNED", time_aggregation="sum", measure_unit="", active_from=W45)
    record(late, [a_week(late, W45, "2"), a_week(late, W46, "2")])
    record(planned, [a_week(planned, W45, "4"), a_week(planned, W46, "100")])
    formula = {"entry": "derived", "formula": "[LATE] ÷ [PLANNED] × 100", "time_aggregation": "formula"}
    kpi = measured({W45: "50", W46: "2"}, decimals=3, **formula)
    (november,) = page_of(kpi, by="month")["rows"]
    assert november.value == "3.846"
    assert november.to_date == "3.846"
    (total,) = [
        figure for figure in kpi_page(facts_of(kpi), PageChoice())["headline"] if figure.label == "Year to date"
    ]
    assert total.value == "3.846\u202f%"


def test_a_month_of_a_formula_has_its_inputs_also_where_it_had_no_value_itself():
    late = measured({W44: "1", W45: "2", W46: "4"}, code="LATE", time_aggregation="sum", active_from=W44)
    more = measured({W45: "10"}, code="MORE", time_aggregation="sum", active_from=W44)
    assert late.unit == more.unit
    formula = {"entry": "derived", "formula": "[LATE] + [MORE]", "time_aggregation": "formula"}
    kpi = measured({W45: "12"}, active_from=W44, **formula)
    (november,) = page_of(kpi, by="month")["rows"]
    assert (november.value, november.coverage) == ("17.0", "1 of 3 so far")


def test_values_without_a_weight_are_there_and_say_why_longer_periods_have_none(client):
    kpi = measured({W45: "82", W46: "84"}, time_aggregation="weighted_average")
    client.force_login(kpi.owner)
    page = client.get(reverse("kpi_over_time", args=[kpi.code]), {"by": "month"}).content.decode()
    assert "No value yet" not in page
    assert "Longer periods average the values by their weights, and none of them has one." in page


def test_a_figure_without_roll_up_says_so_and_keeps_its_own_periods(client):
    kpi = measured({W45: "82", W46: "84"}, time_aggregation="none")
    assert page_of(kpi, by="month")["rolls_up"] is False
    assert [row.value for row in page_of(kpi, by="week")["rows"]] == ["84.0", "82.0"]
    client.force_login(kpi.owner)
    page = client.get(reverse("kpi_over_time", args=[kpi.code]), {"by": "month"}).content.decode()
    assert "There is no value for longer periods." in page


def test_the_units_together_stand_beside_the_kpi_itself_and_their_difference():
    reader = admin()
    whole = a_rate()
    record(whole, [a_ratio(whole, W46, 80, 100)])
    for code, name, numerator, denominator in (("ewr", "Newark", 30, 60), ("jfk", "Kennedy", 38, 40)):
        part = a_rate(code=f"{code.upper()}-OTD", unit=a_unit(code, name), part_of=whole)
        record(part, [a_ratio(part, W46, numerator, denominator)])
    table = page_of(whole, reader, by="week")["units"]
    assert [(row.unit, row.value, row.parts) for row in table.rows] == [
        ("Newark", "50.0", ("30", "60")),
        ("Kennedy", "95.0", ("38", "40")),
    ]
    assert (table.together, table.whole, table.coverage) == ("68.0", "80.0", "2 of 2 units")
    assert table.gap == "−12.0\u202fpts"
    assert page_of(whole, by="week")["units"] is None  # the owner may open neither part


def test_a_unit_that_has_not_reported_lowers_the_coverage_and_not_the_value():
    reader, whole = admin(), measured({W46: "10"}, unit_aggregation="sum", time_aggregation="sum")
    for code, value in (("ewr", "4"), ("jfk", None)):
        part = measured({W46: value} if value else {}, code=code.upper(), unit=a_unit(code), part_of=whole)
        assert part.part_of == whole
    table = page_of(whole, reader, by="week")["units"]
    assert (table.together, table.coverage) == ("4.0", "1 of 2 units")


def test_a_unit_that_one_may_not_open_is_counted_as_left_out():
    whole = measured({W46: "10"}, unit_aggregation="sum", time_aggregation="sum", unit=a_unit("all", "All"))
    reader = a_person("Sofia Marin")
    ewr, jfk = a_unit("ewr", "Newark"), a_unit("jfk", "Kennedy")
    for unit in (ewr, whole.unit):
        a_role(reader, "member", unit=unit)
    for unit, value in ((ewr, "4"), (jfk, "6")):
        measured({W46: value}, code=unit.code.upper(), unit=unit, part_of=whole)
    table = page_of(whole, reader, by="week")["units"]
    assert ([row.unit for row in table.rows], table.together, table.coverage) == (["Newark"], "4.0", "1 of 2 units")
    assert table.hidden == "1 unit is left out here: its KPI is not yours to open."


def test_a_unit_whose_calendar_has_other_periods_says_so_also_where_one_begins_alike():
    """Months of 4-4-5 weeks: one that begins with a month of the whole ends on another day."""
    months = {"frequency": Kpi.Frequency.MONTH, "time_aggregation": "sum", "unit_aggregation": "sum"}
    reader, whole = admin(), measured({}, **months)
    retail = PeriodCalendar.objects.create(name="Retail", pattern="445", year_end_month=1, year_end_weekday=6)
    ewr, jfk = a_unit("ewr", "Newark"), a_unit("jfk", "Kennedy")
    part = measured({}, code="EWR", unit=ewr, part_of=whole, **months)
    other = measured({}, code="JFK", unit=jfk, part_of=whole, calendar=retail, **months)
    november = date(2026, 11, 1)
    for kpi, start, end, value in (
        (whole, date(2026, 10, 1), november, 9), (part, date(2026, 10, 1), november, 4),
        (other, date(2026, 10, 1), date(2026, 10, 29), 5),
    ):  # fmt: skip
        record(kpi, [Reading(kpi_id=kpi.pk, period_start=start, period_end=end, value=Decimal(value))])
    table = page_of(whole, reader, by="month", at="2026-10")["units"]
    assert [(row.unit, row.value, row.coverage) for row in table.rows] == [
        ("Newark", "4.0", "1 of 1"), ("Kennedy", "–", "its calendar has other periods"),
    ]  # fmt: skip
    assert (table.together, table.coverage) == ("4.0", "1 of 2 units")


def test_the_value_of_a_unit_in_a_longer_period_is_that_of_its_own_page():
    reader = admin()
    measured({W45: "2", W46: "2"}, code="LATE", time_aggregation="sum", measure_unit="", active_from=W45)
    measured({W45: "4", W46: "100"}, code="PLANNED", time_aggregation="sum", measure_unit="", active_from=W45)
    formula = {"entry": "derived", "formula": "[LATE] ÷ [PLANNED] × 100", "time_aggregation": "formula"}
    whole = measured({W45: "50", W46: "2"}, code="ALL", decimals=3, unit_aggregation="max", **formula)
    measured({W45: "50", W46: "2"}, code="RATE", unit=a_unit("ewr", "Newark"), part_of=whole, **formula)
    measured(
        {W45: "5", W46: "7"}, code="MEAN", unit=a_unit("jfk", "Kennedy"), part_of=whole, time_aggregation="average"
    )
    table = page_of(whole, reader, by="month", at="2026-11")["units"]
    assert {row.unit: row.value for row in table.rows} == {"Newark": "3.846", "Kennedy": "6.000"}
    assert table.together == "6.000"


def test_a_wrong_number_of_rolling_periods_is_told_and_the_usual_one_shown(client):
    kpi = measured({W45: "82", W46: "84"})
    client.force_login(kpi.owner)
    page = client.get(reverse("kpi_over_time", args=[kpi.code]), {"by": "week", "rolling": "1e9"}).content.decode()
    assert "whole number from 2 to 60; it shows 4" in page


def test_the_page_asks_as_many_queries_for_two_units_as_for_one(client):
    reader, whole = admin(), measured({W45: "82", W46: "84"})
    client.force_login(reader)
    address = reverse("kpi_over_time", args=[whole.code])
    counts = []
    for code in ("ewr", "jfk"):
        measured({W46: "70"}, code=code.upper(), unit=a_unit(code), part_of=whole)
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 13


def test_a_sum_after_a_53rd_week_says_how_many_weeks_it_is_compared_with():
    retail = PeriodCalendar.objects.create(
        name="Retail", pattern="454", week_start=6, year_end_rule="nearest", year_end_month=1, label_rule="start"
    )
    kpi = measured({}, calendar=retail, time_aggregation="sum", measure_unit="", decimals=0)
    quarters = ((date(2023, 10, 29), 14), (date(2024, 11, 3), 13), (date(2025, 11, 2), 13))
    weeks = [first + timedelta(weeks=week) for first, count in quarters for week in range(count)]
    record(kpi, [a_week(kpi, start, "10") for start in weeks])
    page = page_of(kpi, by="quarter")
    rows = {row.period: (row.value, row.last_year, row.remark) for row in page["rows"] if row.period.startswith("Q4")}
    assert rows["Q4 FY24"] == ("130", "−10", "13 weeks, 14 last year")
    assert rows["Q4 FY25"] == ("130", "±0", "")


def test_a_year_to_date_across_a_change_of_definition_is_said_to_be_one():
    kpi = measured({date(2026, 9, 21): "10", W45: "20", W46: "20"}, time_aggregation="sum", measure_unit="")
    said = {"recorded_at": NOW, "recorded_by": kpi.owner, "definition": {}}
    KpiVersion.objects.create(kpi=kpi, version=2, effective_from=date(2026, 10, 19), breaks_series=True, **said)
    november, october, september = page_of(kpi, by="month")["rows"]
    assert (october.remark, september.remark) == ("the definition changed in it", "")
    assert november.remark == "still running, year to date across a change of definition"
