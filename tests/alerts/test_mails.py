"""What mails say. Facts are plain, so no database is needed."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.mails import Reader, write_band_mail, write_source_mail
from alerts.trend import DARK, LIGHT, Point, trend_png, trend_svg

ANA = Reader(name="Ana Kovač", locale="en", time_zone=ZoneInfo("Europe/Zagreb"))
URL = "https://kpi.example.com/kpis/LGA-OTA/"
WEEKS = [
    ("W35", "2026-08-24", "2026-08-30", "81.2", "at_risk"),
    ("W36", "2026-08-31", "2026-09-06", "87.1", "on_track"),
    ("W37", "2026-09-07", "2026-09-13", "80.1", "at_risk"),
    ("W38", "2026-09-14", "2026-09-20", "88.4", "on_track"),
    ("W39", "2026-09-21", "2026-09-27", "87.6", "on_track"),
    ("W40", "2026-09-28", "2026-10-04", "89.3", "on_track"),
    ("W41", "2026-10-05", "2026-10-11", "72.2", "off_track"),
    ("W42", "2026-10-12", "2026-10-18", "84.8", "on_track"),
    ("W43", "2026-10-19", "2026-10-25", "79.6", "at_risk"),
    ("W44", "2026-10-26", "2026-11-01", "85.8", "on_track"),
    ("W45", "2026-11-02", "2026-11-08", "81.7", "at_risk"),
    ("W46", "2026-11-09", "2026-11-15", "78.7", "off_track"),
]


def periods(weeks: list[tuple[str, str, str, str, str]] = WEEKS, goal: str = "82") -> list[dict[str, Any]]:
    return [
        {
            "key": f"2026-{label}",
            "label": label,
            "start": start,
            "last_day": last,
            "band": band,
            "value": value,
            "to_goal": str(Decimal(value) - Decimal(goal)),
            "goal": goal,
            "red_flag": "79",
            "goal_high": None,
            "red_high": None,
        }
        for label, start, last, value, band in weeks
    ]


def facts(**changes: Any) -> dict[str, Any]:
    """The facts of the design's sample mail."""
    kpi = {
        "code": "LGA-OTA",
        "name": "LaGuardia on-time arrivals",
        "unit": "%",
        "decimals": 1,
        "polarity": "higher_is_better",
        "frequency": "week",
        "numerator_label": "arrived within 15 minutes of plan",
        "denominator_label": "flights",
        "is_share": True,
        "owner": "Ana Kovač",
        "deputy": "Rosa Delgado",
        "source": "Flight operations feed",
    } | changes.pop("kpi", {})
    return {
        "organisation": "Harbor Airports",
        "confirmed_at": "2026-11-16T05:10:00+00:00",
        "kpi": kpi,
        "band": "off_track",
        "was": "at_risk",
        "told": True,
        "periods": periods(),
        "numerator": "1669",
        "denominator": "2120",
        "signal": "routine",
        "initiatives": [],
        "incident": 1,
        "explain_by": "2026-11-25",
        "correction": None,
        "follows": {"kind": "owner", "name": ""},
    } | changes


def mail(kind: str = "worse", was: str = "at_risk", reader: Reader = ANA, **changes: Any):
    return write_band_mail(facts(**changes), kind=kind, was=was, grade="", reader=reader, url=URL, key="7")


def test_both_texts_say_how_far_the_value_can_be_trusted():
    written = write_band_mail(facts(), kind="worse", was="at_risk", grade="D", reader=ANA, url=URL, key="7")
    assert "\nData confidence D\n" in written.text
    assert ", data confidence D." in written.html


def test_the_plain_text_says_everything():
    written = mail()
    assert written.subject == "LaGuardia on-time arrivals off track: 78.7 % vs 82.0 % (W46)"
    assert (
        written.text
        == """\
OFF TRACK (was at risk)
LaGuardia on-time arrivals

78.7 % in week 2026-W46 (9 to 15 November)
goal 82.0, red flag 79.0, −3.3 points to goal
1,669 of 2,120 flights arrived within 15 minutes of plan.

  Week     from    value   to goal   band
  W41     5 Oct   72.2 %      −9.8   off track
  W42    12 Oct   84.8 %      +2.8   on track
  W43    19 Oct   79.6 %      −2.4   at risk
  W44    26 Oct   85.8 %      +3.8   on track
  W45     2 Nov   81.7 %      −0.3   at risk
  W46     9 Nov   78.7 %      −3.3   off track

What we see
  Down 3.0 points from W45 (81.7 %). Off track for the first time
  since W41. Inside the routine range of this series: not yet a trend.

What to do
  Give cause, action and recovery date by Wednesday 25 November. No
  initiative answers this KPI yet. Rosa Delgado is your deputy.

  https://kpi.example.com/kpis/LGA-OTA/

--
Confirmed on 16 November 2026, 06:10, from Flight operations feed. You
receive this as the owner.
"""
    )


def test_the_html_has_one_link_and_both_pictures_and_nothing_from_elsewhere():
    written = mail()
    assert written.html.count("<a ") == 1
    assert f'href="{URL}"' in written.html
    assert [picture.cid for picture in written.pictures] == ["trend-light.7", "trend-dark.7"]
    assert all(f'src="cid:{picture.cid}"' in written.html for picture in written.pictures)
    assert written.html.count("http") == 1
    assert "prefers-color-scheme: dark" in written.html


def test_the_picture_has_its_words_beside_it():
    assert 'alt="12 weeks: 81.2 in W35, lowest 72.2 in W41, highest 89.3 in W40, 78.7 in W46"' in mail().html


def test_names_are_escaped_in_html_and_plain_in_text():
    written = mail(kpi={"name": "Cost < plan & <b>margin</b>"})
    assert "Cost &lt; plan &amp; &lt;b&gt;margin&lt;/b&gt;" in written.html
    assert "Cost < plan & <b>margin</b>" in written.text


def test_a_line_break_in_a_name_can_not_end_the_subject():
    assert "\n" not in mail(kpi={"name": "On time\nBcc: everyone@example.com"}).subject


def test_a_recovery_says_that_nothing_is_to_be_done():
    weeks = [*WEEKS[:-1], ("W46", "2026-11-09", "2026-11-15", "83.1", "on_track")]
    written = mail("better", "off_track", band="on_track", periods=periods(weeks), explain_by=None)
    assert written.subject == "LaGuardia on-time arrivals back on track: 83.1 % vs 82.0 % (W46)"
    assert "Nothing: the alert is closed." in written.text
    assert "not yet a lasting recovery" in " ".join(written.text.split())
    assert "Open the KPI" in written.html


def test_an_improvement_short_of_the_goal_names_what_it_no_longer_is():
    weeks = [*WEEKS[:-1], ("W46", "2026-11-09", "2026-11-15", "80.0", "at_risk")]
    written = mail("better", "off_track", band="at_risk", periods=periods(weeks))
    assert written.subject == "LaGuardia on-time arrivals no longer off track: 80.0 % vs 82.0 % (W46)"
    assert "At risk for 2 weeks in a row." in written.text


def test_a_correction_says_what_was_said_what_is_true_and_who_revised_it():
    weeks = [*WEEKS[:-1], ("W46", "2026-11-09", "2026-11-15", "79.6", "at_risk")]
    correction = {
        "label": "W46",
        "was": "78.7",
        "value": "79.6",
        "by": "Amara Singh",
        "note": "late diversion records",
        "at": "2026-11-17T09:31:00+00:00",
    }
    written = mail("correction", "off_track", band="at_risk", periods=periods(weeks), correction=correction)
    assert written.subject == ("Correction: LaGuardia on-time arrivals at risk, not off track: 79.6 % vs 82.0 % (W46)")
    assert written.text.startswith("AT RISK (corrected, we said off track)\n")
    flat = " ".join(written.text.split())
    assert "Amara Singh corrected W46 from 78.7 % to 79.6 % on 17 November 2026, 10:31: late diversion records." in flat


def test_initiatives_are_named_with_what_they_promised():
    running = {"name": "Gate turnaround", "is_proposed": False, "change": "4", "full_effect_on": "2026-12-13"}
    proposed = {"name": "De-icing crews", "is_proposed": True, "change": "2", "full_effect_on": "2027-02-28"}
    flat = " ".join(mail(initiatives=[running, proposed]).text.split())
    assert "Gate turnaround answers it: +4.0 points expected by 13 December 2026." in flat
    assert "De-icing crews waits for approval: +2.0 points by 28 February 2027." in flat


def test_a_follower_reads_who_owes_the_explanation_and_why_they_are_told():
    follows = {"kind": "unit", "name": "LaGuardia"}
    bo = Reader(name="Bo Lind", locale="de", time_zone=ZoneInfo("UTC"))
    flat = " ".join(mail(reader=bo, follows=follows).text.split())
    assert "Ana Kovač gives cause, action and recovery date by Wednesday 25 November." in flat
    assert "You receive this because you follow LaGuardia and the units below." in flat
    assert "78,7 % in week" in flat
    assert "1.669 of 2.120" in flat


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("signal", "Outside the routine range of this series: a signal; look for its cause."),
        ("too_few", "Too few values so far to tell a signal from routine."),
    ],
)
def test_a_signal_is_told_from_routine(signal, words):
    assert words in " ".join(mail(signal=signal).text.split())


def test_a_range_names_both_ends_and_both_red_flags():
    rows = periods()
    for row in rows:
        row |= {"goal": "80", "goal_high": "90", "red_flag": "79", "red_high": "95"}
    rows[-1]["to_goal"] = "-1.3"
    written = mail(periods=rows)
    assert "goal 80.0–90.0, red flag 79.0 and 95.0, −1.3 points to goal" in written.text
    assert written.subject.endswith("78.7 % vs 80.0–90.0 % (W46)")


def test_a_scale_of_options_has_no_goal_to_name():
    rows = periods()
    for row in rows:
        row |= {"goal": None, "red_flag": None, "to_goal": None}
    written = mail(periods=rows)
    assert written.subject == "LaGuardia on-time arrivals off track: 78.7 % (W46)"
    assert "red flag" not in written.text


def test_minutes_per_flight_are_no_share():
    kpi = {"unit": "min", "is_share": False, "numerator_label": "minutes late", "denominator_label": "departures"}
    text = mail(kpi=kpi).text
    assert "1,669 minutes late ÷ 2,120 departures." in text
    assert "−3.3 min to goal" in text


def test_months_and_days_need_no_second_date():
    month = {"key": "2026-11", "label": "Nov 2026", "start": "2026-11-01", "last_day": "2026-11-30"}
    text = mail(kpi={"frequency": "month"}, periods=[periods()[-1] | month]).text
    assert "78.7 % in November 2026\n" in text
    assert "Month       value   to goal   band" in text
    day = {"key": "2026-11-15", "label": "15 Nov 2026", "start": "2026-11-15", "last_day": "2026-11-15"}
    assert "78.7 % on Sunday 15 November 2026\n" in mail(kpi={"frequency": "day"}, periods=[periods()[-1] | day]).text


def source_mail(kind: str = "source_error", count: int = 2, **changes: Any):
    given = {
        "organisation": "Harbor Airports",
        "source": "Flight operations feed",
        "error": {"says": "flights.csv: column dep_delay is missing"},
        "failures": 3,
        "at": "2026-11-16T05:10:00+00:00",
        "last_applied_at": "2026-11-13T05:10:00+00:00",
        "kpis": [{"code": f"K-{n}", "name": f"Indicator {n}"} for n in range(count)],
    } | changes
    return write_source_mail(given, kind=kind, reader=ANA, url="https://kpi.example.com/")


def test_a_failing_source_names_the_error_and_the_kpis_it_feeds():
    written = source_mail()
    assert written.subject == "Flight operations feed: 3 failed attempts in a row, 2 KPIs keep their last values"
    assert (
        written.text
        == """\
SOURCE ERROR (3 failed attempts in a row)
Flight operations feed

  flights.csv: column dep_delay is missing

What happened
  The last attempt was on 16 November 2026, 06:10. Values were last
  taken over on 13 November 2026, 06:10. The next attempts follow by
  themselves; when one succeeds, what was missed is fetched.

What to do
  Look at the source. Until it answers, the scorecard marks these
  KPIs.

2 KPIs keep their last values
  K-0  Indicator 0
  K-1  Indicator 1

  https://kpi.example.com/

--
You receive this as the owner of the source.
"""
    )


def test_a_held_pull_asks_the_owner_of_the_source():
    written = source_mail("suspect", error={"says": "1 row instead of about 950"})
    assert written.subject == "Flight operations feed: pull held, nothing was applied, 2 KPIs keep their last values"
    assert "1 row instead of about 950" in written.html
    assert "Look at the source: apply the pull if the rows are right" in " ".join(written.text.split())


def test_a_long_list_of_kpis_is_cut_and_counted():
    text = source_mail(count=23).text
    assert "K-19" in text
    assert "K-20" not in text
    assert "  and 3 more" in text


# --- the picture ---------------------------------------------------------------------------------


def points(*values: str, goal: str = "82", red_flag: str = "79") -> list[Point]:
    return [Point(value=Decimal(v), band="off_track", goal=Decimal(goal), red_flag=Decimal(red_flag)) for v in values]


def test_the_picture_is_a_png_of_twice_its_size_on_its_own_paper():
    png = trend_png(points("80", "85", "78"), LIGHT)
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">II", png[16:24]) == (1024, 168)
    assert LIGHT.paper in trend_svg(points("80"), LIGHT)
    assert DARK.paper in trend_svg(points("80"), DARK)


def test_good_is_above_the_goal_or_below_it_as_the_limits_say():
    higher, lower = (trend_svg(points("80", **limits), LIGHT) for limits in ({}, {"goal": "79", "red_flag": "82"}))
    assert higher.index(LIGHT.on_track) < higher.index(LIGHT.off_track)
    assert lower.index(LIGHT.off_track) < lower.index(LIGHT.on_track)


def test_a_range_is_off_track_on_both_sides():
    point = Point(
        value=Decimal(5),
        band="on_track",
        goal=Decimal(4),
        goal_high=Decimal(6),
        red_flag=Decimal(2),
        red_high=Decimal(8),
    )
    assert trend_svg([point], LIGHT).count(LIGHT.off_track) == 2


def test_a_series_without_limits_and_a_flat_one_can_be_drawn():
    assert trend_png([Point(value=Decimal(3), band=""), Point(value=Decimal(3), band="")], DARK)
