"""A calendar that calendar programs accept."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from reviews.domain.icalendar import Event, calendar_text

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def event(**fields):
    starts_at = datetime(2026, 11, 26, 9, 0, tzinfo=ZoneInfo("America/New_York"))
    fields = {"uid": "forum-1-20261126@example.com", "starts_at": starts_at, "title": "Board", **fields}
    return Event(lasts=timedelta(hours=1), **fields)


def text_of(*events, name="Reviews"):
    return calendar_text(events, name=name, stamp=NOW)


def unfolded(text):
    return text.replace("\r\n ", "").split("\r\n")


def test_a_meeting_is_an_event_in_universal_time():
    lines = unfolded(text_of(event(text="A; b, c\nd", url="https://kpi.example.com/reviews/1/")))
    assert lines[:3] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//KPI platform//Reviews//EN"]
    assert lines[lines.index("BEGIN:VEVENT") : lines.index("END:VEVENT") + 1] == [
        "BEGIN:VEVENT",
        "UID:forum-1-20261126@example.com",
        "DTSTAMP:20261122T080000Z",
        "DTSTART:20261126T140000Z",
        "DTEND:20261126T150000Z",
        "SUMMARY:Board",
        "DESCRIPTION:A\\; b\\, c\\nd",
        "URL:https://kpi.example.com/reviews/1/",
        "END:VEVENT",
    ]
    assert lines[-2:] == ["END:VCALENDAR", ""]


def test_summer_time_is_left_to_the_clock_of_the_organisation():
    zone = ZoneInfo("America/New_York")
    summer = event(starts_at=datetime(2026, 7, 2, 9, 0, tzinfo=zone))
    assert "DTSTART:20260702T130000Z\r\n" in text_of(summer)


@given(st.text())
def test_no_title_breaks_a_line_or_makes_one_too_long(title):
    text = text_of(event(title=title), name=title)
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert not any(ord(character) < 32 and character != "\t" for line in lines for character in line)
    assert sum(line.startswith("BEGIN:") for line in unfolded(text)) == 2


def test_a_long_title_reads_the_same_after_unfolding():
    title = "Überprüfung der Pünktlichkeit 🛫 " * 12
    assert f"SUMMARY:{title}" in unfolded(text_of(event(title=title)))


def test_a_backslash_and_a_line_end_stay_apart():
    assert "SUMMARY:a\\\\nb\\nc" in unfolded(text_of(event(title="a\\nb\nc")))
