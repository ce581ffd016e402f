"""The same work without a mouse, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD
from kpis.models import Annotation, Measurement
from tests.journeys.conftest import SIGN_IN, Site, Visitor

pytestmark = pytest.mark.django_db
STOPS = 250  # more stops than any page has


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the element has the focus; every stop on the way has to be visible and marked."""
    element = wanted.element_handle()
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """wanted => {
                const here = document.activeElement, box = here.getBoundingClientRect();
                const style = getComputedStyle(here);
                const outlined = style.outlineStyle !== "none" || style.boxShadow !== "none";
                const dated = here.type === "date"; // the browser marks the part of it that has the focus
                const marked = dated || (here.matches(":focus-visible") && outlined);
                return { there: here === wanted, seen: box.width > 0 && box.height > 0, marked, html: here.outerHTML };
            }""",
            element,
        )
        assert at["seen"], f"nobody sees where the focus is: {at['html'][:200]}"
        assert at["marked"], f"the focus is not marked: {at['html'][:200]}"
        if at["there"]:
            return
    raise AssertionError("Tab does not lead there")


def test_sign_in_scorecard_kpi_page_and_a_note_by_keys_alone(site: Site, visit: Callable[..., Visitor]) -> None:
    page = (visitor := visit()).page
    visitor.open("/")
    tab_to(page, page.get_by_label("Email address"))
    page.keyboard.type(SIGN_IN["executive"])
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(SAMPLE_PASSWORD)
    tab_to(page, page.get_by_role("button", name="Sign in"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/scorecard/$"))

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    kpi = site.kpis["GATE-CHECKS"]
    tab_to(page, page.locator(".row-kpi").get_by_role("link", name=kpi.name))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/kpis/{kpi.code}/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(kpi.name)

    tab_to(page, page.locator("#chart"))
    page.keyboard.press("ArrowLeft")
    tab_to(page, page.locator("#note-text"))
    page.keyboard.type("New radios on the ramp")
    page.keyboard.press("Enter")
    expect(page.locator("#chart-panel .notes")).to_contain_text("New radios on the ramp")
    assert Annotation.objects.get(kpi=kpi, text="New radios on the ramp").author.email == SIGN_IN["executive"]


def test_everything_that_is_read_or_written_works_without_javascript(site: Site, visit: Callable[..., Visitor]) -> None:
    kpi, week = site.kpis["GATE-CHECKS"], site.week
    page = (visitor := visit("owner", java_script_enabled=False)).page
    page.locator(f"#todo a[href*='{kpi.code}']").first.click()
    visitor.open(f"/my/{kpi.code}/{week.start}/")
    page.get_by_label("Value, in %").fill("seventy")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".error-summary")).to_contain_text("seventy")
    expect(page.get_by_label("Value, in %")).to_have_value("seventy")
    page.get_by_label("Value, in %").fill("75")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("saved")
    expect(page.locator(f"#cell-{kpi.code}-{week.start} .band--risk")).to_be_visible()
    assert Measurement.objects.get(kpi=kpi, period_start=week.start).value == 75

    visitor.open(f"/kpis/{kpi.code}/")
    expect(page.locator("#table")).to_contain_text("75.0")
    page.get_by_role("link", name="Add a note").click()
    page.get_by_label("Note", exact=True).fill("Counted by hand")
    page.get_by_role("button", name="Add note").click()
    expect(page).to_have_url(re.compile(f"/kpis/{kpi.code}/#chart-panel$"))
    expect(page.locator("#chart-panel .notes")).to_contain_text("Counted by hand")


def test_the_scorecard_is_filtered_without_javascript(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit("executive", java_script_enabled=False).page
    every = page.locator(".row-kpi").count()
    page.get_by_label("Band", exact=True).select_option("on_track")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("band=on_track"))
    shown = page.locator(".row-kpi")
    assert 0 < shown.count() < every
    assert shown.count() == shown.locator(".c-band .band--on").count()
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".row-kpi")).to_have_count(every)
