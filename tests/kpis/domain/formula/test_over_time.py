"""Formulas over time: finer inputs, shifts, ytd and rolling; what a changed value reaches; fit, circles and order."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from kpis.domain.formula.affected import periods_reached
from kpis.domain.formula.deriving import Calculation, Holding, aggregate_derived, derive
from kpis.domain.formula.errors import FormulaError, Problem
from kpis.domain.formula.evaluating import Missing
from kpis.domain.formula.fitting import Shape, refuse_misfit
from kpis.domain.formula.graph import circle, ranks, reachable
from kpis.domain.formula.parsing import parse
from kpis.domain.formula.series import Known, Series, Span
from kpis.domain.formula.tree import terms
from kpis.domain.periods import Calendar, Frequency, next_period, period_of, periods_between

STANDARD = Calendar()
TODAY = date(2026, 12, 15)
NOVEMBER = Span.of(period_of(date(2026, 11, 1), "month", STANDARD))


def series(values: dict[str, str | None], *, frequency="month", method="sum", state="reported", **more) -> Series:
    """Values by a day of their period; "3/4" is a ratio with its parts, None is not applicable."""
    rows = []
    for day, text in values.items():
        period = period_of(date.fromisoformat(day), frequency, STANDARD)
        top, _slash, bottom = (text or "").partition("/")
        value = None if text is None else D(top) / D(bottom) if bottom else D(top)
        parts = (D(top), D(bottom)) if bottom else (None, None)
        rows.append(Known(period.start, period.end, value, *parts, "not_applicable" if text is None else state))
    return Series(frequency=Frequency(frequency), calendar=STANDARD, method=method, values=rows, **more)


def calculation(text: str, missing: str = "blank", nested=None, **inputs: Series) -> Calculation:
    always = {code: [Holding(date.min, one)] for code, one in (nested or {}).items()}
    return Calculation(formula=parse(text), missing=Missing(missing), calendar=STANDARD, inputs=inputs, nested=always)


def of_november(text: str, missing: str = "blank", today: date = TODAY, **inputs: Series):
    return derive(calculation(text, missing, **inputs), NOVEMBER, today=today)


MONTHS = {"2026-08-01": "1", "2026-09-01": "2", "2026-10-01": "4", "2026-11-01": "8"}
# The weeks of 2026 that end in November begin on 26 October, 2, 9, 16 and 23 November.
WEEKS = {"2026-10-19": "100", "2026-10-26": "1", "2026-11-02": "2", "2026-11-09": "4", "2026-11-16": "8"}
LAST_WEEK = {"2026-11-23": "16"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[A]", 8),
        ("[A@-1]", 4),
        ("[A] ÷ [A@-2]", 4),
        ("rolling([A], 3)", 14),
        ("rolling([A], 1)", 8),
        ("ytd([A])", 15),
        ("[A] − rolling([A], 2) ÷ 2", 2),
    ],
)
def test_terms_reach_back_in_time(text, value):
    assert of_november(text, A=series(MONTHS, begins=date(2026, 8, 1))).value == value


def test_a_finer_input_is_aggregated_its_own_way_by_the_last_day_of_its_periods():
    weeks = WEEKS | LAST_WEEK | {"2026-11-30": "1000"}
    found = {
        method: of_november("[A]", A=series(weeks, frequency="week", method=method)).value
        for method in ("sum", "last", "max", "average", "count")
    }
    assert found == {"sum": 31, "last": 16, "max": 16, "average": D("6.2"), "count": 5}


def test_ratios_are_aggregated_from_their_parts():
    weeks = {"2026-11-02": "2/4", "2026-11-09": "2/100"}
    found = of_november("[A]", A=series(weeks, frequency="week", method="ratio_of_sums", begins=date(2026, 11, 2)))
    assert found.value.quantize(D("0.00001")) == D("0.03846")


def test_days_fit_into_months_with_their_coverage():
    days = {str(date(2026, 11, 1) + timedelta(days=n)): "1" for n in range(29)}
    found = of_november("[A]", A=series(days, frequency="day", begins=date(2026, 1, 1)))
    (taken,) = found.taken.values()
    assert (found.value, taken.present, taken.due, found.is_final) == (29, 29, 30, False)


def test_what_is_incomplete_is_not_final_unless_missing_periods_are_left_out_or_count_as_zero():
    weeks = series(WEEKS, frequency="week", method="average", begins=date(2026, 1, 1))
    found = {missing: of_november("[A]", missing, A=weeks) for missing in ("blank", "ignore", "zero")}
    assert {missing: one.value for missing, one in found.items()} == {
        "blank": D("3.75"),
        "ignore": D("3.75"),
        "zero": D(3),
    }
    assert {missing: one.is_final for missing, one in found.items()} == {"blank": False, "ignore": True, "zero": True}
    assert {one.taken[terms(parse("[A]"))[0]].due for one in found.values()} == {5}


def test_a_period_that_is_not_over_is_never_final():
    assert of_november("[A]", today=date(2026, 11, 30), A=series(MONTHS)).is_final is False
    assert of_november("[A]", today=date(2026, 12, 1), A=series(MONTHS)).is_final is True
    assert of_november("[A]", A=series(MONTHS, state="provisional")).is_final is False


def test_an_input_that_is_not_there_is_waited_for_and_one_without_value_is_not():
    nothing = of_november("[A] + [B]", A=series(MONTHS), B=series({"2026-10-01": "1"}))
    assert (nothing.value, nothing.reason, nothing.is_waiting) == (None, "missing_input", True)
    stated = of_november("[A] + [B]", A=series(MONTHS), B=series({"2026-11-01": None}))
    assert (stated.value, stated.reason, stated.is_waiting) == (None, "missing_input", False)


def test_where_nothing_at_all_is_there_missing_does_not_become_zero():
    assert of_november("[A] + [B]", "zero", A=series({}), B=series({})).value is None
    assert of_november("[A] + [B]", "zero", A=series(MONTHS), B=series({})).value == 8


def test_what_has_no_roll_up_gives_no_number():
    weeks = series(WEEKS, frequency="week", method="none")
    assert of_november("[A]", A=weeks).reason == "no_rollup"


def test_a_value_that_can_not_be_kept_is_none():
    big = series({"2026-11-01": "99999999999999999999"})
    assert of_november("[A] × 10", A=big).reason == "too_large"


def test_a_formula_over_time_aggregates_its_inputs_first():
    good = series({"2026-10-01": "2", "2026-11-01": "2"}, begins=date(2026, 10, 1))
    all_of_them = series({"2026-10-01": "4", "2026-11-01": "100"}, begins=date(2026, 10, 1))
    share = calculation("[GOOD] ÷ [ALL] × 100", GOOD=good, ALL=all_of_them)
    quarter = Span.of(period_of(date(2026, 11, 1), "quarter", STANDARD))
    monthly = Frequency.MONTH, STANDARD
    found = aggregate_derived([Holding(date.min, share)], quarter, *monthly, today=date(2026, 12, 1))
    assert (found.value.quantize(D("0.001")), found.present, found.due) == (D("3.846"), 2, 2)
    # and so where another formula refers to it over a longer period
    outer = calculation("[SHARE] + 0", nested={"SHARE": share}, SHARE=series({}, method="formula"))
    assert derive(outer, quarter, today=TODAY).value.quantize(D("0.001")) == D("3.846")


def test_computing_a_period_reads_exactly_what_would_reach_it():
    # For every term and day: a change of the input on that day reaches the periods whose value it changes, no others.
    months = periods_between(date(2025, 10, 1), date(2027, 3, 1), "month", STANDARD)
    for text in ("[A]", "[A@-2]", "ytd([A])", "rolling([A], 3)", "[A@-1] + ytd([A]) × 0 + [A]"):
        formula = parse(text)
        for week in (date(2025, 12, 29), date(2026, 2, 2), date(2026, 11, 30)):
            period = period_of(week, "week", STANDARD)
            one = Series(
                frequency=Frequency.WEEK,
                calendar=STANDARD,
                method="sum",
                begins=date(2025, 1, 1),
                values=[Known(period.start, period.end, D(7), None, None, "reported")],
            )
            moved = {
                month.start
                for month in months
                if month.start <= TODAY
                and any(
                    taken.is_there
                    for taken in derive(calculation(text, A=one), Span.of(month), today=TODAY).taken.values()
                )
            }
            reached = periods_reached(
                terms(formula), last_day=period.last_day, frequency="month", calendar=STANDARD, today=TODAY
            )
            assert reached.keys() == moved, (text, week)


def shape(unit="min", frequency="month", method="sum", calendar=STANDARD) -> Shape:
    return Shape(unit=unit, frequency=Frequency(frequency), calendar=calendar, method=method)


@pytest.mark.parametrize(
    ("text", "of_kpi", "of_input", "problem"),
    [
        ("[A]", {"frequency": "week"}, {}, Problem.COARSER),
        ("[A]", {"frequency": "quarter"}, {}, None),
        ("[A]", {}, {"calendar": Calendar(pattern="445")}, Problem.OTHER_CALENDAR),
        ("[A]", {}, {"frequency": "week", "calendar": Calendar(pattern="445")}, None),
        (
            "[A]",
            {"frequency": "week"},
            {"frequency": "week", "calendar": Calendar(week_start=6)},
            Problem.OTHER_CALENDAR,
        ),
        ("[A]", {}, {"method": "none"}, None),
        ("ytd([A])", {}, {"method": "none"}, Problem.NO_ROLLUP),
        ("[A]", {"frequency": "year"}, {"method": "none"}, Problem.NO_ROLLUP),
        ("[A] + [B]", {}, {"unit": "flights"}, Problem.UNITS_DIFFER),
        ("[A] > [B]", {}, {"unit": "flights"}, Problem.UNITS_DIFFER),
        ("if([A] > 3, [A], [B])", {}, {"unit": "flights"}, Problem.UNITS_DIFFER),
        ("[A] × 60 + [B]", {}, {"unit": "h"}, None),
        ("[A] ÷ [B]", {}, {"unit": "flights"}, None),
        ("[A] + 1", {"unit": "%"}, {}, Problem.OTHER_UNIT),
        ("[A] − [A@-1]", {"unit": "pts"}, {"unit": "%"}, None),
    ],
)
def test_rhythm_calendar_roll_up_and_units_must_fit(text, of_kpi, of_input, problem):
    inputs = {"A": shape(**of_input), "B": shape()}
    if problem is None:
        refuse_misfit(parse(text), shape(**({"unit": ""} | of_kpi)), inputs)
        return
    with pytest.raises(FormulaError) as refused:
        refuse_misfit(parse(text), shape(**of_kpi), inputs)
    assert refused.value.problem is problem


def test_circles_are_found_with_their_way():
    graph = {2: [1], 3: [2], 4: [3]}
    assert circle(graph, 1, [4]) == [1, 4, 3, 2, 1]
    assert circle(graph, 1, [1]) == [1, 1]
    assert circle(graph, 5, [4, 2]) == []


def test_inputs_rank_below_what_they_feed_however_long_the_way():
    graph = {"d": ["x", "c"], "c": ["b"], "b": ["x"], "e": ["d", "b"]}
    assert ranks(graph) == {"b": 0, "c": 1, "d": 2, "e": 3}
    assert reachable(graph, "e") == {"d": 1, "b": 3, "x": 4, "c": 2}


def test_next_period_is_not_reached_before_it_begins():
    december = period_of(TODAY, "month", STANDARD)
    reached = periods_reached(
        terms(parse("[A@-1]")), last_day=december.last_day, frequency="month", calendar=STANDARD, today=TODAY
    )
    assert reached == {}
    assert next_period(december, STANDARD).start > TODAY


def test_what_counts_as_zero_stands_in_its_place():
    """A gap before the last value is not the last value, one after it is."""
    weeks = dict(list(WEEKS.items())[2:]) | LAST_WEEK
    found = {}
    for name, values in {"before": weeks, "after": WEEKS}.items():
        rows = {
            method: series(values, frequency="week", method=method, begins=date(2026, 10, 26))
            for method in ("last", "first")
        }
        found[name] = [of_november("[A]", "zero", A=one).value for one in rows.values()]
    assert found == {"before": [16, 0], "after": [0, 1]}


def test_a_count_over_time_counts_also_where_it_is_about_one_period():
    counted = series({"2026-11-01": "57"}, method="count", begins=date(2026, 11, 1))
    assert [of_november(text, A=counted).value for text in ("[A]", "ytd([A])", "rolling([A], 1)")] == [57, 1, 1]


def test_a_weekly_formula_gives_a_month_the_weeks_that_end_in_it():
    days = {str(date(2026, 10, 25) + timedelta(days=n)): str(n) for n in range(40)}
    daily = series(days, frequency="day", begins=date(2026, 1, 1))
    weekly = calculation("[DAY]", DAY=daily)
    outer = calculation("[WEEK]", nested={"WEEK": weekly}, WEEK=series({}, frequency="week", method="formula"))
    # From Monday 26 October to Sunday 29 November: days 1 to 35.
    assert derive(outer, NOVEMBER, today=TODAY).value == sum(range(1, 36))


def test_a_formula_over_time_is_the_one_that_held_for_the_last_of_its_periods():
    values = {f"2026-{month:02d}-01": "1" for month in range(1, 12)}
    now, before = (calculation(text, A=series(values, begins=date(2026, 1, 1))) for text in ("[A] × 100", "[A]"))
    holding = [Holding(date(2026, 8, 1), now), Holding(date(2026, 2, 1), before)]

    def of_quarter(start: date):
        span = Span.of(period_of(start, "quarter", STANDARD))
        return aggregate_derived(holding, span, Frequency.MONTH, STANDARD, today=TODAY)

    assert [of_quarter(date(2026, month, 1)).value for month in (1, 4, 7)] == [3, 3, 300]
    none = aggregate_derived(
        holding, Span.of(period_of(date(2025, 12, 1), "quarter", STANDARD)), Frequency.MONTH, STANDARD, today=TODAY
    )
    assert (none.value, none.reason) == (None, "no_rollup")
