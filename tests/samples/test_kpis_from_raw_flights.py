"""The KPIs of the sample, computed again from the raw rows with nothing but pandas."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal

import pandas as pd
import pytest

from kpis.models import Kpi, Measurement
from tests.samples.raw import MOVED_BY, flights, weather

TODAY = pd.Timestamp(2026, 11, 22)
EIGHT_PLACES = Decimal("0.00000001")
PANDAS_FREQUENCY = {"day": "D", "week": "W-SUN", "month": "M"}

type Ratio = tuple[pd.Series, pd.Series, int]


def counted(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby("period").size()


def departed() -> pd.DataFrame:
    rows = flights()
    return rows[rows["dep_delay"].notna()]


def arrived() -> pd.DataFrame:
    rows = flights()
    return rows[rows["arr_delay"].notna()]


def on_time(rows: pd.DataFrame, delay: str) -> Ratio:
    return counted(rows[rows[delay] <= 15]), counted(rows), 100


def at(rows: pd.DataFrame, origin: str, carrier: str | None = None) -> pd.DataFrame:
    rows = rows[rows["origin"] == origin]
    return rows if carrier is None else rows[rows["carrier"] == carrier]


def evening(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["sched_dep_time"] >= 1700]


def first_wave(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["sched_dep_time"] < 800]


def late_share(rows: pd.DataFrame) -> Ratio:
    return counted(rows[rows["dep_delay"] > 60]), counted(rows), 100


def mean_delay() -> Ratio:
    rows = departed()
    return rows.groupby("period")["dep_delay"].sum(), counted(rows), 1


def cancellation_rate() -> Ratio:
    rows = flights()
    return counted(rows[rows["dep_delay"].isna()]), counted(rows), 100


def minutes_recovered() -> Ratio:
    rows = arrived()
    rows = rows[rows["dep_delay"] > 15]
    return (rows["dep_delay"] - rows["arr_delay"]).groupby(rows["period"]).sum(), counted(rows), 1


def slack() -> Ratio:
    rows = arrived()
    return (rows["dep_delay"] - rows["arr_delay"]).groupby(rows["period"]).sum(), counted(rows), 1


def seats_per_departure() -> Ratio:
    rows = departed()
    rows = rows[rows["seats"].notna()]
    return rows.groupby("period")["seats"].sum(), counted(rows), 1


def matched_share() -> Ratio:
    rows = departed()
    return counted(rows[rows["seats"].notna()]), counted(rows), 100


def evening_share() -> Ratio:
    return counted(evening(departed())), counted(departed()), 100


def utilisation() -> Ratio:
    rows = departed()
    rows = rows[rows["tailnum"].notna()]
    aircraft_days = rows.drop_duplicates(["date", "tailnum"])
    return rows.groupby("period")["air_time"].sum(), counted(aircraft_days), 1


def after_bad_weather() -> Ratio:
    hours = weather().copy()
    hours["bad"] = (hours["visib"] < 3) | (hours["precip"] >= 0.05) | (hours["wind_gust"] >= 35)
    shifted = [hours.groupby("origin")["bad"].shift(back) for back in (1, 2, 3)]
    hours["bad_before"] = sum(column.eq(True).astype(int) for column in shifted) > 0
    rows = departed().assign(hour=lambda frame: frame["sched_dep_time"] // 100)
    rows = rows.merge(hours[["origin", "date", "hour", "bad", "bad_before"]], on=["origin", "date", "hour"])
    return on_time(rows[~rows["bad"] & rows["bad_before"]], "dep_delay")


def freezing() -> Ratio:
    hours = weather()
    hours = hours[hours["temp"].notna()]
    return counted(hours[hours["temp"] <= 32]), counted(hours), 100


RATIOS: dict[str, Callable[[], Ratio]] = {
    "OTD": lambda: on_time(departed(), "dep_delay"),
    "OTA": lambda: on_time(arrived(), "arr_delay"),
    "CANC": cancellation_rate,
    "DELAY-MEAN": mean_delay,
    "SEATS-DEP": seats_per_departure,
    "FIRST-WAVE": lambda: on_time(first_wave(departed()), "dep_delay"),
    "EVE-OTD": lambda: on_time(evening(departed()), "dep_delay"),
    "RECOVERED": minutes_recovered,
    "FLEET-MATCH": matched_share,
    "DAY-OTD": lambda: on_time(departed(), "dep_delay"),
    "UTIL": utilisation,
    "EVE-SHARE": evening_share,
    "SLACK": slack,
    "WX-RECOVERY": after_bad_weather,
    "WX-FREEZE": freezing,
    "LGA-OTA": lambda: on_time(at(arrived(), "LGA"), "arr_delay"),
    "EWR-EVE": lambda: on_time(at(evening(departed()), "EWR"), "dep_delay"),
    "JFK-FIRST": lambda: on_time(at(first_wave(departed()), "JFK"), "dep_delay"),
    "LONG-JFK": lambda: late_share(at(departed(), "JFK")),
    "LGA-MQ-OTA": lambda: on_time(at(arrived(), "LGA", "MQ"), "arr_delay"),
}
VALUES: dict[str, Callable[[], pd.Series]] = {
    "SEATS": lambda: departed().groupby("period")["seats"].sum(),
    "DEST": lambda: flights().groupby("period")["dest"].nunique(),
    "DELAY-P90": lambda: departed().groupby("period")["dep_delay"].quantile(0.9),
    "DAY-FLIGHTS": lambda: counted(flights()),
    "DAY-CANC": lambda: flights()["dep_delay"].isna().groupby(flights()["period"]).sum(),
    "WX-GUST": lambda: weather().groupby("period")["wind_gust"].max(),
}


@pytest.fixture
def recorded(sample: object) -> Callable[[str], dict[pd.Timestamp, Measurement]]:
    """Read what the platform stored of a KPI, and cut the raw rows into the same periods."""

    def of(code: str) -> dict[pd.Timestamp, Measurement]:
        kpi = Kpi.objects.get(code=code)
        for rows in (flights(), weather()):
            moved = rows["date"] + MOVED_BY
            rows["period"] = moved.where(moved < TODAY).dt.to_period(PANDAS_FREQUENCY[kpi.frequency]).dt.start_time
        return {pd.Timestamp(row.period_start): row for row in kpi.measurements.order_by("period_start")}

    return of


@pytest.mark.parametrize("code", RATIOS)
def test_every_period_of_a_ratio_equals_the_raw_rows(
    code: str, recorded: Callable[[str], dict[pd.Timestamp, Measurement]]
) -> None:
    stored = recorded(code)
    numerators, denominators, factor = RATIOS[code]()
    expected = {
        period: (Decimal(int(numerators.get(period, 0))), Decimal(int(denominator)))
        for period, denominator in denominators.items()
    }
    assert {period: (row.numerator, row.denominator) for period, row in stored.items()} == expected
    for period, (numerator, denominator) in expected.items():
        value = (factor * numerator / denominator).quantize(EIGHT_PLACES, ROUND_HALF_EVEN)
        assert stored[period].value == value, f"{code} {period:%d %b %Y}"


@pytest.mark.parametrize("code", VALUES)
def test_every_period_of_a_value_equals_the_raw_rows(
    code: str, recorded: Callable[[str], dict[pd.Timestamp, Measurement]]
) -> None:
    stored = recorded(code)
    expected = VALUES[code]()
    assert {period: row.value for period, row in stored.items()} == {
        period: Decimal(repr(float(value))).quantize(EIGHT_PLACES, ROUND_HALF_EVEN)
        for period, value in expected.items()
    }


def test_what_is_derived_equals_the_raw_rows(recorded: Callable[[str], dict[pd.Timestamp, Measurement]]) -> None:
    months = recorded("CANC-MONTH")
    cancelled, planned = counted(flights()[flights()["dep_delay"].isna()]), counted(flights())
    assert {month: row.value for month, row in months.items()} == {
        month: eight_places(100 * Decimal(int(cancelled.get(month, 0))) / int(count))
        for month, count in planned.items()
    }
    assert [row.state for row in months.values()][-2:] == ["reported", "provisional"]
    weeks = recorded("FADE")
    shares = [
        {week: eight_places(Decimal(100 * int(part[week])) / int(of[week])) for week in of.index}
        for part, of, _factor in (RATIOS["FIRST-WAVE"](), RATIOS["EVE-OTD"]())
    ]
    assert {week: row.value for week, row in weeks.items()} == {
        week: morning - shares[1][week] for week, morning in shares[0].items()
    }


def eight_places(value: Decimal) -> Decimal:
    return value.quantize(EIGHT_PLACES, ROUND_HALF_EVEN)


def test_figures_known_from_the_flights_are_on_the_scorecard(sample: object) -> None:
    latest = dict(Kpi.objects.values_list("code", "state__value"))
    assert round(latest["OTD"], 1) == Decimal("85.8")
    assert round(latest["OTA"], 1) == Decimal("83.5")
    assert round(latest["EVE-OTD"], 1) == Decimal("77.6")
    assert round(latest["LGA-OTA"], 1) == Decimal("78.7")
    assert latest["SEATS"] == 764744
    assert latest["DEST"] == 87
