"""Acknowledging, the panel of the KPI page, what other pages read, and the demo's mailbox."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from email.headerregistry import Address
from pathlib import Path

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts import mailbox
from alerts.channels.email import build_message
from alerts.mails import write_band_mail
from alerts.models import Delivery, Incident
from alerts.panel import kpi_panel
from alerts.queries import alerts_of, incidents_to_acknowledge, recent_crossings
from alerts.services import acknowledge
from kpiplatform.dashboards.frame import frame_for
from kpis.models import Kpi
from objectives.models import Role
from tests.alerts.factories import MONDAY, OFF, ON, RISK, a_watched_kpi, an_owed_mail, judge_and_note, week
from tests.alerts.test_mails import ANA, facts
from tests.factories import a_person, a_role

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 16)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def an_incident(**fields) -> Incident:
    kpi = a_watched_kpi(**fields)
    judge_and_note(kpi, {week(46): OFF})
    if not kpi.owner.roles.exists():
        a_role(kpi.owner, Role.OWNER)
    return Incident.objects.get(kpi=kpi)


def url_of(incident: Incident) -> str:
    return f"/alerts/incidents/{incident.pk}/acknowledge/"


# --- acknowledging -------------------------------------------------------------------------------


def test_the_owner_acknowledges_and_is_sent_back_to_the_kpi():
    incident = an_incident()
    response = signed_in(incident.kpi.owner).post(url_of(incident))
    assert (response.status_code, response["Location"]) == (303, f"/kpis/{incident.kpi.code}/")
    incident.refresh_from_db()
    assert incident.acknowledged_by == incident.kpi.owner


def test_whoever_came_from_another_page_is_sent_back_there_and_nowhere_else():
    incident = an_incident()
    client = signed_in(incident.kpi.owner)
    assert client.post(url_of(incident), {"next": "/my/"})["Location"] == "/my/"
    elsewhere = client.post(url_of(incident), {"next": "https://evil.example/"})
    assert elsewhere["Location"] == f"/kpis/{incident.kpi.code}/"


def test_htmx_gets_the_panel_and_the_fact():
    incident = an_incident()
    response = signed_in(incident.kpi.owner).post(url_of(incident), headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert "incident-acknowledged" in response["HX-Trigger"]
    assert "acknowledged by Ana Kovač" in response.content.decode()
    assert url_of(incident) not in response.content.decode()


def test_a_link_in_a_mail_acknowledges_nothing():
    incident = an_incident()
    assert signed_in(incident.kpi.owner).get(url_of(incident)).status_code == 405


def test_for_those_who_may_not_edit_the_kpi_the_incident_does_not_exist():
    incident = an_incident()
    reader = a_person("Mia Stone")
    a_role(reader, Role.MANAGER)
    assert signed_in(reader).post(url_of(incident)).status_code == 404
    assert Client().post(url_of(incident)).status_code == 302
    incident.refresh_from_db()
    assert incident.acknowledged_at is None


def test_who_acknowledged_first_stays():
    incident = an_incident()
    acknowledge(incident_id=incident.pk, user=incident.kpi.owner, now=MONDAY)
    acknowledge(incident_id=incident.pk, user=a_person("Rosa Delgado"), now=MONDAY + timedelta(days=1))
    incident.refresh_from_db()
    assert (incident.acknowledged_by, incident.acknowledged_at) == (incident.kpi.owner, MONDAY)


# --- what other pages read -----------------------------------------------------------------------


def panel_of(kpi: Kpi, *, may_acknowledge: bool = True):
    return kpi_panel(
        alerts=alerts_of(kpi, reader=kpi.owner), kpi=kpi, may_acknowledge=may_acknowledge, now=MONDAY, zone=UTC
    )


def test_the_panel_tells_the_story_of_the_band():
    incident = an_incident()
    panel = panel_of(incident.kpi)
    assert panel.story == "Off track since W46, announced 16 Nov."
    assert panel.due == "Explanation due 19 Nov."
    assert panel.acknowledge_url == url_of(incident)
    acknowledge(incident_id=incident.pk, user=incident.kpi.owner, now=MONDAY)
    assert panel_of(incident.kpi).story == (
        "Off track since W46, announced 16 Nov, acknowledged by Ana Kovač the same day."
    )


def test_the_panel_offers_nothing_to_those_who_only_read():
    assert panel_of(an_incident().kpi, may_acknowledge=False).acknowledge_url == ""


def test_the_panel_says_what_was_noted_in_silence_and_what_could_not_be_delivered():
    kpi = a_watched_kpi()
    assert panel_of(kpi).story == "On track since W36, noted without a mail."
    incident = an_incident()
    Delivery.objects.update(state="dead", finished_at=MONDAY, reply="550 no such user")
    assert panel_of(incident.kpi).undelivered == "1 mail about it could not be delivered."
    assert [one.reply for one in frame_for(incident.kpi.owner, now=MONDAY).undelivered] == ["550 no such user"]


def test_a_kpi_never_judged_has_no_story_yet():
    from tests.factories import a_kpi

    panel = panel_of(a_kpi())
    assert (panel.story, panel.acknowledge_url) == ("No band is confirmed yet.", "")
    assert "No band is confirmed yet." in render_to_string("alerts/_kpi_panel.html", {"panel": panel})


def test_the_alerts_of_a_kpi_take_one_query():
    incident = an_incident()
    kpi, reader = incident.kpi, incident.kpi.owner
    with CaptureQueriesContext(connection) as queries:
        alerts = alerts_of(kpi, reader=reader)
    assert len(queries) == 1
    assert (alerts.band, alerts.since, alerts.undelivered) == ("off_track", week(46), 0)
    assert alerts.announced_at == MONDAY
    assert alerts.incident is not None
    assert (alerts.incident.pk, alerts.incident.is_explained) == (incident.pk, False)


def test_the_page_of_a_kpi_asks_for_its_alerts_alone_and_cheaply():
    incident = an_incident()
    client, address = signed_in(incident.kpi.owner), f"/kpis/{incident.kpi.code}/alerts/"
    assert f'hx-get="{address}" hx-trigger="every 60s' in client.get(f"/kpis/{incident.kpi.code}/").content.decode()
    with CaptureQueriesContext(connection) as queries:
        part = client.get(address, headers={"HX-Request": "true"})
    assert len(queries) <= 6  # session, person, roles, KPI, alerts, frame
    assert part.content.decode().strip().startswith('<section id="alerts">')
    assert url_of(incident) in part.content.decode()
    reader = a_person("Mia Stone")
    a_role(reader, Role.AUDITOR, unit=incident.kpi.unit)
    assert url_of(incident) not in signed_in(reader).get(address).content.decode()


def test_only_open_incidents_of_my_kpis_wait_for_my_acknowledgement():
    mine, other = an_incident(), an_incident(owner=a_person("Rosa Delgado"))
    closed = an_incident(owner=mine.kpi.owner)
    judge_and_note(closed.kpi, {week(47): ON}, now=MONDAY + timedelta(weeks=1))
    assert list(incidents_to_acknowledge(mine.kpi.owner, today=TODAY)) == [mine]
    other.kpi.deputy = mine.kpi.owner
    other.kpi.save()
    assert set(incidents_to_acknowledge(mine.kpi.owner, today=TODAY)) == {mine, other}
    acknowledge(incident_id=mine.pk, user=mine.kpi.owner, now=MONDAY)
    assert list(incidents_to_acknowledge(mine.kpi.owner, today=TODAY)) == [other]


def test_recent_crossings_leave_out_first_judgements_and_kpis_one_may_not_see():
    kpi, hidden = a_watched_kpi(), a_watched_kpi()
    judge_and_note(kpi, {week(46): RISK, week(47): OFF})
    judge_and_note(hidden, {week(46): OFF})
    found = recent_crossings(Kpi.objects.filter(pk=kpi.pk), since=MONDAY - timedelta(days=30))
    assert [(one.kpi, one.to_band) for one in found] == [(kpi, "off_track"), (kpi, "at_risk")]
    assert not recent_crossings(Kpi.objects.all(), since=MONDAY + timedelta(days=1)).exists()


# --- the mailbox of the demo ---------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    settings.KPI_MAILBOX_DIR = str(tmp_path)
    return tmp_path


def put(folder: Path, name: str, **changes) -> None:
    """Keep a mail as the demo's mail server does."""
    mail = write_band_mail(
        facts(**changes),
        kind="worse",
        was="at_risk",
        grade="",
        reader=ANA,
        url="https://kpi.example.com/kpis/LGA-OTA/",
        key="7",
    )
    message = build_message(
        mail,
        sender="Harbor Airports KPIs <kpi@example.com>",
        recipient=Address("Ana Kovač", addr_spec="ana.kovac@example.com"),
        message_id="<7@kpi.example.com>",
        at=MONDAY,
    )
    (folder / name).write_bytes(message.as_bytes())


def test_the_mailbox_lists_the_newest_mail_first_and_says_who_sees_it(folder):
    put(folder, "0001-0.eml", kpi={"name": "Older indicator"})
    put(folder, "0002-0.eml")
    (folder / "0003-0.new").write_bytes(b"half of a mail")
    text = signed_in(a_person()).get("/mailbox/").content.decode()
    assert text.index("LaGuardia on-time arrivals off track") < text.index("Older indicator off track")
    assert "Everyone who is signed in sees all of them" in text
    assert "16 Nov 2026, 06:10" in text
    assert "Ana Kovač &lt;ana.kovac@example.com&gt;" in text
    assert "0003" not in text


def test_an_empty_mailbox_says_what_to_do(folder):
    folder.rmdir()
    assert "No mail yet" in signed_in(a_person()).get("/mailbox/").content.decode()


def test_the_list_is_cut_and_goes_on(folder, monkeypatch):
    monkeypatch.setattr(mailbox, "SHOWN", 2)
    for number in range(3):
        put(folder, f"000{number}-0.eml", kpi={"name": f"Indicator {number}"})
    client = signed_in(a_person())
    first = client.get("/mailbox/").content.decode()
    assert "Indicator 2" in first
    assert "Indicator 0" not in first
    assert "?before=0001-0.eml" in first
    assert "Indicator 0" in client.get("/mailbox/?before=0001-0.eml").content.decode()


def test_a_message_is_shown_with_headers_text_and_a_frame_that_may_do_nothing(folder):
    put(folder, "0001-0.eml")
    text = signed_in(a_person()).get("/mailbox/0001-0.eml/").content.decode()
    assert "&lt;7@kpi.example.com&gt;" in text
    assert "auto-generated" in text
    assert "goal 82.0, red flag 79.0" in text
    assert 'src="/mailbox/0001-0.eml/html/"' in text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in text


def test_the_html_of_a_mail_has_its_own_policy_and_its_pictures_inside(folder):
    put(folder, "0001-0.eml")
    response = signed_in(a_person()).get("/mailbox/0001-0.eml/html/")
    text = response.content.decode()
    assert response["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "cid:" not in text
    assert text.count("data:image/png;base64,") == 2
    assert '<base target="_blank">' in text


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", ".hidden.eml", "0001-0.txt", "missing.eml", "a%00.eml", "%2e%2e", "x.eml%0a"]
)
def test_nothing_but_a_kept_message_can_be_named(folder, name):
    put(folder, "0001-0.eml")
    (folder / ".hidden.eml").write_bytes(b"Subject: hidden\r\n\r\n")
    (folder / "0001-0.txt").write_bytes(b"Subject: other\r\n\r\n")
    client = signed_in(a_person())
    assert client.get(f"/mailbox/{name}/").status_code == 404
    assert client.get(f"/mailbox/{name}/html/").status_code == 404


def test_a_message_without_html_has_no_frame(folder):
    (folder / "0001-0.eml").write_bytes(b"Subject: plain\r\nFrom: a@example.com\r\n\r\nhello\r\n")
    client = signed_in(a_person())
    text = client.get("/mailbox/0001-0.eml/").content.decode()
    assert "hello" in text
    assert "<iframe" not in text
    assert client.get("/mailbox/0001-0.eml/html/").status_code == 404


@pytest.mark.parametrize("path", ["/mailbox/", "/mailbox/0001-0.eml/", "/mailbox/0001-0.eml/html/"])
def test_the_mailbox_is_there_only_for_those_signed_in_and_only_where_it_is_set(folder, settings, path):
    put(folder, "0001-0.eml")
    assert Client().get(path).status_code == 302
    client = signed_in(a_person())
    assert client.get(path).status_code == 200
    settings.KPI_MAILBOX_DIR = ""
    assert client.get(path).status_code == 404


def test_times_are_shown_in_the_zone_of_the_reader(folder):
    put(folder, "0001-0.eml")
    with timezone.override("UTC"):
        text = signed_in(a_person(time_zone="America/New_York")).get("/mailbox/").content.decode()
    assert "16 Nov 2026, 01:10" in text


def test_a_mail_that_was_really_sent_can_be_read_here(folder):
    """The sink of the demo and the page agree on names and places."""
    from kpiplatform.mailbox_sink import keep

    delivery = an_owed_mail()
    from alerts.services.writing import write

    keep(folder, "kpi@localhost", delivery.recipient.email, 0, write(delivery=delivery, at=MONDAY).as_bytes())
    assert "off track: 75.0" in signed_in(delivery.recipient).get("/mailbox/").content.decode()
