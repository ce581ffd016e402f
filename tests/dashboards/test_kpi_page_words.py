"""What the page of a KPI says: the sentence, the numbers, the gap, the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from kpiplatform.dashboards.kpi_page.table import as_csv
from kpiplatform.dashboards.kpi_page.timeline import Standing, timeline
from kpis.models import Annotation, Kpi, KpiState, KpiVersion, Target, ThresholdSet
from tests.dashboards.measured import (
    W44,
    W45,
    W46,
    W47,
    WEEK,
    a_ratio,
    a_week,
    facts_of,
    measured,
    page_of,
    record,
    weeks_to,
)
from tests.factories import NOW, limits

pytestmark = pytest.mark.django_db
D = Decimal


def figures(page) -> dict[str, tuple[str, str]]:
    return {figure.label: (figure.value, figure.remark) for figure in page["headline"]}


def percent(**fields) -> Kpi:
    """A ratio KPI in per cent without values."""
    ratio = {
        "time_aggregation": Kpi.Aggregation.RATIO_OF_SUMS,
        "ratio_factor": 100,
        "numerator_label": "left on time",
        "denominator_label": "departures",
        "formula_in_words": "left at most 15 minutes late ÷ departed",
    }
    return measured({}, **ratio | fields)


# --- the sentence -------------------------------------------------------------------------------


def test_the_lede_says_what_it_is_how_it_stands_since_when_and_against_what():
    kpi = percent()
    record(kpi, [a_ratio(kpi, W44, 821, 1000), a_ratio(kpi, W45, 793, 1000), a_ratio(kpi, W46, 776, 1000)])
    lede = page_of(kpi)["lede"]
    assert lede.definition == "Left at most 15 minutes late ÷ departed."
    assert lede.band == "At risk"
    assert lede.rest.startswith("since W45: 77.6\u202f% against a goal of 80.0\u202f%.")
    assert lede.rest.endswith("There are too few values to tell a signal from routine.")


def test_a_jump_after_calm_weeks_is_called_a_signal_and_coloured_by_polarity():
    calm = {start: ("82", "83")[index % 2] for index, start in enumerate(weeks_to(W45, 12))}
    page = page_of(measured(calm | {W46: "60"}))
    assert page["lede"].rest.endswith("The value is a signal, not routine variation.")
    change = next(figure for figure in page["headline"] if figure.label == "vs W45")
    assert (change.value, change.remark, change.tone) == ("−23.0\u202fpts", "signal", "worse")


def test_a_routine_move_stays_grey():
    page = page_of(measured({start: ("82", "84")[index % 2] for index, start in enumerate(weeks_to(W46, 13))}))
    change = next(figure for figure in page["headline"] if figure.label == "vs W45")
    assert (change.remark, change.tone) == ("routine", "")


def test_a_kpi_without_values_says_so_and_shows_no_number():
    page = page_of(measured({}))
    assert page["lede"].rest == "No value yet."
    assert (page["headline"], page["band"], page["has_values"]) == ([], "", False)
    assert page["to_green"] == ""


def test_a_kpi_without_a_target_has_a_value_and_no_band():
    page = page_of(measured({W46: "77.6"}, goal=None))
    assert (page["band"], page["lede"].band) == ("", "")
    assert "No limits are set for it, so it has no band." in page["lede"].rest
    goal = page["limits"][0]
    assert (goal.label, goal.value) == ("Goal", "not set")


def test_an_unscored_kpi_is_watched_not_judged():
    page = page_of(measured({W46: "77.6"}, goal=None, polarity=Kpi.Polarity.UNSCORED))
    assert "It is watched, not judged: it has no band." in page["lede"].rest
    assert page["to_green"] == ""


def test_late_data_is_said_beside_the_band_not_instead_of_it():
    kpi = measured({W45: "82"})
    KpiState.objects.filter(kpi=kpi).update(health="stale", days_late=6)
    page = page_of(kpi)
    assert (page["band"], page["band_state"]) == ("on_track", "stale")
    assert page["lede"].rest.endswith("The next value is 6 days late.")


def test_a_gap_before_the_latest_value_is_not_called_the_next_one():
    kpi = measured({W44: "82", W46: "82"})
    KpiState.objects.filter(kpi=kpi).update(health="stale", days_late=12, next_due_on=date(2026, 11, 9))
    assert page_of(kpi)["lede"].rest.endswith("An earlier value is missing: it was due by 9 Nov.")


# --- the numbers --------------------------------------------------------------------------------


def test_the_headline_shows_value_gap_move_year_to_date_and_the_open_week():
    kpi = percent()
    record(
        kpi,
        [
            a_ratio(kpi, W45, 793, 1000),
            a_ratio(kpi, W46, 1552, 2000),
            a_ratio(kpi, W47, 806, 1000, state="provisional"),
        ],
    )
    assert figures(page_of(kpi)) == {
        "W46, 9–15 Nov": ("77.6", ""),
        "vs goal 80.0": ("−2.4\u202fpts", "red flag 72.0"),
        "vs W45": ("−1.7\u202fpts", "too few to tell"),
        "Year to date": ("78.2\u202f%", "2 weeks, to 15 Nov"),
        "W47 so far": ("80.6\u202f%", "provisional, 6 days"),
    }


def test_the_year_to_date_is_a_ratio_of_sums_not_a_mean_of_percentages():
    kpi = percent()
    record(kpi, [a_ratio(kpi, W45, 2, 4), a_ratio(kpi, W46, 2, 100)])
    assert figures(page_of(kpi))["Year to date"][0] == "3.8\u202f%"


def test_the_year_to_date_says_that_a_week_in_it_is_provisional():
    kpi = measured({W45: "82"})
    record(kpi, [a_week(kpi, W46, "40", state="provisional")])
    assert figures(page_of(kpi))["Year to date"] == ("61.0\u202f%", "2 weeks, to 15 Nov; provisional")


def test_an_incomplete_year_to_date_says_how_much_is_there():
    assert figures(page_of(measured({W44: "82", W46: "84"})))["Year to date"] == ("83.0\u202f%", "only 2 of 3 weeks")


def test_what_does_not_roll_up_shows_no_year_to_date():
    kpi = measured({W46: "87"}, time_aggregation=Kpi.Aggregation.NONE)
    assert figures(page_of(kpi))["Year to date"][0] == "no roll-up"


def test_a_week_counts_in_the_year_of_its_last_day():
    kpi = measured({date(2025, 12, 22): "10", date(2025, 12, 29): "80", W46: "82"})
    assert figures(page_of(kpi))["Year to date"][0] == "81.0\u202f%"


def test_a_gap_that_would_look_like_none_is_shown_with_more_decimals():
    page = page_of(measured({W46: "79.98"}))
    assert figures(page)["vs goal 80.0"][0] == "−0.02\u202fpts"
    assert (page["table"].rows[0].figures, page["table"].rows[0].words) == (["80.0", "80.0", "−0.02"], "at risk")


def test_inside_a_goal_range_there_is_no_gap():
    kpi = measured({}, goal=None, polarity=Kpi.Polarity.RANGE)
    Target.objects.create(
        kpi=kpi, effective_from=date(2026, 1, 1), low=27, high=29, recorded_at=NOW, recorded_by=kpi.owner
    )
    ThresholdSet.objects.create(
        kpi=kpi,
        effective_from=date(2026, 1, 1),
        mode="offset",
        red_low=-1,
        red_high=D("1.5"),
        recorded_at=NOW,
        recorded_by=kpi.owner,
    )
    record(kpi, [a_week(kpi, W46, "28.7")])
    page = page_of(kpi)
    assert figures(page)["vs goal 27.0–29.0"] == ("inside", "red flag 26.0 / 30.5")
    assert page["to_green"].startswith("0.3\u202fpts to spare before it is at risk.")
    assert [zone["band"] for zone in page["chart"].figure["zones"]][2] == "on_track"


# --- what would turn it green -------------------------------------------------------------------


def test_what_would_turn_a_ratio_green_is_counted_in_its_numerator():
    kpi = percent()
    record(kpi, [a_ratio(kpi, W46, 1443, 1859)])
    assert page_of(kpi)["to_green"] == (
        "45 more left on time per week, of 1,859 departures: 2.4\u202fpts up. Score 5.7 of 10."
    )


def test_for_lower_is_better_it_is_so_many_fewer():
    kpi = percent(
        polarity=Kpi.Polarity.LOWER, goal=1, red_flag=2, numerator_label="cancelled", denominator_label="flights"
    )
    record(kpi, [a_ratio(kpi, W46, 99, 6515)])
    assert page_of(kpi)["to_green"].startswith("34 fewer cancelled per week, of 6,515 flights: 0.5\u202fpts down.")


def test_a_plain_value_says_from_where_to_where():
    kpi = measured({W46: "15.2"}, polarity=Kpi.Polarity.LOWER, goal=12, red_flag=18, measure_unit="min")
    assert page_of(kpi)["to_green"].startswith("3.2\u202fmin less: from 15.2 to 12.0\u202fmin.")


# --- the table ----------------------------------------------------------------------------------


def test_the_table_shows_twelve_periods_newest_first_and_then_all():
    kpi = measured({start: "82" for start in weeks_to(W46, 20)})
    table = page_of(kpi)["table"]
    assert [row.period for row in table.rows][:2] == ["W46", "W45"]
    assert (len(table.rows), table.has_more) == (12, True)
    everything = page_of(kpi, view="table", span="all")["table"]
    assert (len(everything.rows), everything.has_more) == (20, False)


def test_each_reason_for_no_value_looks_different():
    kpi = percent()
    first, *_rest = weeks_to(W47, 5)
    record(
        kpi,
        [
            a_ratio(kpi, first, 9, 10),
            a_week(kpi, W44, None, state="not_applicable", reason="runway closed"),
            a_week(kpi, W45, None, reason="zero_denominator", numerator=D(0), denominator=D(0)),
        ],
    )
    monday = datetime(2026, 11, 16, 9, tzinfo=UTC)
    rows = {row.period: row.words for row in page_of(kpi, now=monday)["table"].rows}
    assert rows["W46"] == "not due yet"
    assert rows["W45"] == "no value: nothing to count"
    assert rows["W44"] == "not applicable: runway closed"
    assert rows["W43"] == "on track"
    assert {row.period: row.words for row in page_of(kpi)["table"].rows}["W46"] == "missing"


def test_a_missing_week_is_a_gap_in_the_line_and_never_zero():
    points = page_of(measured({W44: "82", W46: "84"}))["chart"].figure["periods"]
    assert [(point["label"], point["value"]) for point in points] == [("W44", 82.0), ("W45", None), ("W46", 84.0)]


def test_a_value_that_waits_for_its_judgement_says_so():
    kpi = measured({W45: "82", W46: "84"})
    kpi.evaluations.filter(period_start=W46).delete()
    page = page_of(kpi)
    assert page["table"].rows[0].words == "not judged yet"
    assert "not judged yet" in page["lede"].rest


def test_the_open_week_can_be_entered_by_hand_but_is_not_drawn_as_a_value():
    page = page_of(measured({W46: "82"}, entry=Kpi.Entry.MANUAL))
    row = page["table"].rows[0]
    assert (row.period, row.words, row.change) == ("W47", "not due yet", "Enter")
    assert page["chart"].figure["periods"][-1]["value"] is None


def test_numbers_follow_the_readers_language():
    kpi = measured({W46: "77.6"})
    kpi.owner.locale = "de"
    page = page_of(kpi)
    assert page["table"].rows[0].figures == ["77,6", "80,0", "−2,4"]
    assert page["chart"].figure["locale"] == "de"


def test_the_file_has_every_period_with_exact_numbers_and_no_formulas():
    kpi = measured({W45: "-2.5", W46: "1000.00000001"}, goal=None, minimum=None)
    Annotation.objects.create(
        kpi=kpi, period_start=W46, period_end=W47, text='=HYPERLINK("x")', author=kpi.owner, created_at=NOW
    )
    facts = facts_of(kpi)
    notes = page_of(kpi)["chart"].notes
    lines = as_csv(facts=facts, cells=timeline(facts), notes=notes).split("\r\n")
    assert lines[0].startswith("kpi,period,first_day,last_day,state,numerator,denominator,value (%)")
    assert lines[1].startswith("OTD,2026-W46,2026-11-09,2026-11-15,reported,,,1000.00000001,")
    assert "'=HYPERLINK" in lines[1]
    assert lines[2].startswith("OTD,2026-W45,2026-11-02,2026-11-08,reported,,,-2.5,-2.5,")


# --- chart, notes, versions ---------------------------------------------------------------------


def test_notes_keep_their_number_whatever_the_span():
    kpi = measured({start: "82" for start in weeks_to(W46, 40)})
    for start in (weeks_to(W46, 40)[0], W45):
        Annotation.objects.create(
            kpi=kpi, period_start=start, period_end=start + WEEK, text="Storm", author=kpi.owner, created_at=NOW
        )
    page = page_of(kpi, span="short")
    assert [(note.number, note.label, note.by) for note in page["chart"].notes] == [(2, "W45", "Ana Kovač")]
    assert page["chart"].figure["markers"] == [{"number": 2, "day": "2026-11-02"}]
    assert [row.notes for row in page["table"].rows if row.period == "W45"] == [[2]]


def test_a_changed_definition_breaks_the_line_and_stands_among_the_notes():
    kpi = measured({W44: "82", W45: "83", W46: "84"})
    KpiVersion.objects.create(
        kpi=kpi,
        version=2,
        effective_from=W46,
        breaks_series=True,
        definition={},
        reason="Diverted flights count.",
        recorded_at=NOW,
        recorded_by=kpi.owner,
    )
    chart = page_of(kpi)["chart"]
    assert [point["value"] for point in chart.figure["periods"]] == [82.0, 83.0, None, 84.0]
    assert [note.text for note in chart.notes] == [
        "Definition changed: values before and after do not compare. Diverted flights count."
    ]


def test_former_and_coming_limits_stand_beside_those_in_force():
    kpi = measured({})
    limits(kpi, goal=85, red_flag=78, since=W44)
    limits(kpi, goal=90, red_flag=80, since=date(2027, 1, 4))
    goal = page_of(kpi)["limits"][0]
    assert (goal.value, goal.aside) == ("85.0\u202f%", "80.0 until 26 Oct, 90.0 from 4 Jan 2027")


def test_natural_limits_come_from_the_values_before_the_latest():
    kpi = measured({start: ("82", "84")[index % 2] for index, start in enumerate(weeks_to(W46, 13))})
    chart = page_of(kpi, view="xmr")["chart"]
    assert chart.natural.basis == "From the 12 weeks before W46."
    assert chart.natural.limits.startswith("Mean 83.0\u202f%, natural limits 77.7 to 88.3\u202f%")
    assert len(chart.figure["limits"]) == 1
    assert page_of(measured({W46: "82"}, code="SHORT"), view="xmr")["chart"].natural is None


def test_a_sum_to_date_is_judged_to_date_and_says_both():
    kpi = measured(
        {W45: "70", W46: "20"}, goal=50, red_flag=40, is_cumulative=True, time_aggregation=Kpi.Aggregation.SUM
    )
    page = page_of(kpi)
    row = page["table"].rows[0]
    assert page["table"].heads == ["%", "to date", "goal", "gap, pts"]
    assert row.figures == ["20.0", "90.0", "100.0", "−10.0"]
    assert [point["value"] for point in page["chart"].figure["periods"]][:2] == [70.0, 90.0]


@pytest.mark.parametrize(("day", "standing"), [(W47, Standing.NOT_DUE), (W47 + timedelta(days=1), Standing.MISSING)])
def test_a_week_is_missing_only_after_its_due_day(day: date, standing: Standing):
    kpi = measured({W45: "82"})
    cells = timeline(replace(facts_of(kpi), today=day))
    assert {cell.period.key: cell.standing for cell in cells}["2026-W46"] is standing
