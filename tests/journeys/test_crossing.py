"""From a typed value to everyone who has to know: browser, web, database, broker, worker and mail server are real."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from alerts.models import BandCrossing, Delivery
from kpiplatform.audit.chain import first_broken_entry
from kpis.models import Measurement
from tests.journeys.conftest import SIGN_IN, Site, Visitor
from tests.journeys.processes import eventually

pytestmark = pytest.mark.django_db


def count_of(page: Page, band: str) -> int:
    """Return how many KPIs of the scorecard are in a band."""
    counter = page.locator(".counts > div").filter(has_text=band)
    return int(counter.locator(".n").inner_text())


def mails_about(name: str, mailbox: Path) -> list[EmailMessage]:
    found = [message_from_bytes(file.read_bytes(), policy=default) for file in sorted(mailbox.glob("*.eml"))]
    return [mail for mail in found if isinstance(mail, EmailMessage) and name in str(mail["Subject"])]


def test_an_owner_types_a_value_the_page_follows_the_executive_sees_it_and_the_mail_arrives(
    site: Site, visit: Callable[..., Visitor]
) -> None:
    kpi, week = site.kpis["RAMP-WALKS"], site.week
    executive = visit("executive")
    row = executive.page.locator(".row-kpi").filter(has_text=kpi.name)
    expect(row.locator(".band--on").first).to_be_visible()
    off_track = count_of(executive.page, "Off track")

    owner = visit("owner")
    page = owner.page
    expect(page).to_have_url(re.compile("/my/$"))
    cell, typed = page.locator(f"#cell-{kpi.code}-{week.start}"), page.locator(f"#value-{kpi.code}-{week.start}")
    due, reds = page.locator("#todo").get_by_text("Values due"), page.locator("#todo").get_by_text("Reds to explain")
    owed, red = number_in(due.inner_text()), number_in(reds.inner_text())
    page.evaluate("window.still = 'here'")
    before = owner.navigations
    typed.focus()
    page.keyboard.type("60")
    page.keyboard.press("Enter")
    expect(cell).to_have_class(re.compile("cell--saved"))
    expect(cell.locator(".band--off")).to_be_visible()
    expect(typed).to_have_value(re.compile(r"^60(\.0)?$"))
    expect(due).to_have_text(f"Values due {owed - 1}")
    expect(reds).to_have_text(f"Reds to explain {red + 1}")
    expect(page.locator("#todo")).to_contain_text(kpi.name)
    expect(page.locator("#notices")).to_contain_text(re.compile(r"60\.0\s%\ssaved, off track"))
    assert owner.navigations == before
    assert page.evaluate("window.still") == "here"
    assert Measurement.objects.get(kpi=kpi, period_start=week.start).value == 60

    executive.open("/scorecard/")
    expect(row.locator(".band--off").first).to_be_visible()
    assert count_of(executive.page, "Off track") == off_track + 1
    change = executive.page.locator(".changes .change").filter(has_text=kpi.name)
    expect(change.locator(".band--on")).to_be_visible()
    expect(change.locator(".band--off")).to_be_visible()

    eventually(lambda: mails_about(kpi.name, site.mailbox), "the mail in the mailbox")
    eventually(lambda: Delivery.objects.filter(message__kpi=kpi, state="sent").exists(), "the note that it was sent")
    crossing = BandCrossing.objects.get(kpi=kpi, to_band="off_track")
    delivery = Delivery.objects.get(message__crossing=crossing, recipient__email=SIGN_IN["owner"])
    mail = next(one for one in mails_about(kpi.name, site.mailbox) if SIGN_IN["owner"] in str(one["To"]))
    assert re.match(rf"{kpi.name} off track: 60(\.0)?.% vs 80(\.0)?.%", str(mail["Subject"]))
    assert f".{delivery.pk}@" in str(mail["Message-ID"]) or f"{delivery.pk}" in str(mail["Message-ID"])
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    for body in (text.get_content(), html.get_content()):
        assert f"{site.url}/kpis/{kpi.code}/" in body
        assert "60" in body

    owner.open("/mailbox/")
    page.get_by_role("link", name=re.compile(f"{kpi.name} off track")).first.click()
    expect(page.frame_locator("iframe").locator("body")).to_contain_text(kpi.name)
    assert first_broken_entry() is None


def number_in(text: str) -> int:
    """Return the number at the end of a headline."""
    return int(text.split()[-1])
