"""The frame of every page: menus, notices, refused forms, widths, and the automated accessibility rules."""

from __future__ import annotations

import re

import pytest
from allauth.account.forms import LoginForm
from django import forms
from playwright.sync_api import expect

from tests.frontend.conftest import Answer, Site, violations

PAGE = """{% extends "base.html" %}{% load kpi_figures %}{% block title %}Scorecard{% endblock %}
{% block content %}<h1>Scorecard</h1>
<p>{% band "off_track" state="stale" %} {% band_word "at_risk" %} {% flow "at_risk" "on_track" %}</p>
{% include "components/legend.html" %}
{% include "components/empty.html" with title="No initiatives yet" text="One answers a KPI." url="/" action="Start" %}
<form class="form" id="form" method="post" action="/save" hx-post="/save" hx-target="#form" hx-swap="outerHTML">
<button class="btn btn--primary">Save</button></form>
{% include "components/form_errors.html" with form=refused %}
{% include "components/form_fields.html" with form=refused %}
{% endblock %}
{% block footer %}<p class="foot"><span>Known on 22 Nov 2026, 06:10</span></p>{% endblock %}"""
TYPING = """{% extends "base.html" %}{% block title %}Note{% endblock %}{% block content %}<h1>Note</h1>
<form class="form" method="post" action="/note" hx-post="/note" hx-swap="none">{% csrf_token %}
<label for="text">Text</label><textarea id="text" name="text"></textarea><button class="btn">Save</button></form>
<button class="btn" hx-get="/part">Read anew</button>{% endblock %}"""
SAMPLE = [{"role": "KPI owner", "email": "rosa@example.org", "password": "open-sesame-for-the-demo"}]


class Refused(forms.Form):
    name = forms.CharField(help_text="As people call it")
    note = forms.CharField(widget=forms.Textarea, required=False)
    agreed = forms.BooleanField()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_frame_breaks_no_accessibility_rule(site: Site, theme: str) -> None:
    page = site.open(PAGE, theme=theme)
    page.locator("details.account summary").click()
    assert violations(page) == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1200), ("dark", 390)])
def test_signing_in_breaks_no_accessibility_rule(site: Site, theme: str, width: int) -> None:
    source = '{% extends "account/login.html" %}'
    page = site.open(source, theme=theme, width=width, form=LoginForm(), demo_sign_ins=SAMPLE)
    page.get_by_text("KPI owner").click()
    expect(page.get_by_text("open-sesame-for-the-demo")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_refused_form_breaks_no_accessibility_rule_and_its_summary_has_the_focus(site: Site) -> None:
    page = site.open(PAGE, refused=Refused({}), width=390)
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name")).to_have_attribute(
        "aria-describedby", re.compile("id_name_helptext id_name_error")
    )
    assert violations(page) == []


def test_sample_people_are_shown_only_where_there_are_any(site: Site) -> None:
    page = site.open('{% extends "account/login.html" %}', form=LoginForm())
    expect(page.get_by_text("Sample people")).to_have_count(0)


def test_the_account_menu_closes_by_escape_and_by_a_press_outside(site: Site) -> None:
    page = site.open(PAGE)
    summary, panel = page.locator("details.account summary"), page.locator(".account__panel")
    summary.click()
    expect(panel).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(summary).to_be_focused()
    summary.click()
    page.locator("h1").click()
    expect(panel).to_be_hidden()


def test_the_chosen_theme_is_in_the_first_byte_of_the_page_and_one_press_changes_it(site: Site) -> None:
    page = site.open(PAGE, theme="dark")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")
    page.locator("details.account summary").click()
    expect(page.get_by_role("button", name="Dark", exact=True)).to_have_attribute("aria-pressed", "true")
    site.pages["/theme/"] = site.pages["/"]
    page.get_by_role("button", name="Light", exact=True).click()
    page.wait_for_url("**/theme/")
    assert site.posted == [("/theme/", {"csrfmiddlewaretoken": "x", "next": "/", "theme": "light"})]


def test_a_fact_is_announced_after_a_write(site: Site) -> None:
    site.answer = lambda path, data: Answer('<form id="form">done</form>', headers={"HX-Trigger": "note-added"})
    page = site.open(PAGE)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Note added")


def test_a_session_that_ends_in_a_swap_leaves_what_was_typed_and_it_can_be_sent_after_signing_in_beside(
    site: Site,
) -> None:
    site.answer = lambda path, data: Answer("", status=401)
    page = site.open(TYPING)
    notice = page.get_by_role("status").get_by_text("You were signed out.")
    page.get_by_label("Text").fill("Snow on runway 4")
    page.get_by_role("button", name="Save").click()
    expect(notice).to_have_text(
        "You were signed out. Sign in in a new tab, then send again; what you typed is still here."
    )
    expect(page.get_by_role("link", name="Sign in in a new tab")).to_have_attribute("target", "_blank")
    expect(page.get_by_label("Text")).to_have_value("Snow on runway 4")
    assert violations(page) == []
    page.route("**/part", lambda route: route.fulfill(status=200, headers={"HX-Redirect": "/accounts/login/"}))
    with page.expect_response("**/part"):
        page.get_by_role("button", name="Read anew").click()
    site.context.add_cookies([{"name": "csrftoken", "value": "fresh", "url": page.url}])
    site.answer = lambda path, data: Answer("")
    page.get_by_role("button", name="Save").click()
    expect(notice).to_have_count(0)
    assert [sent["csrfmiddlewaretoken"] for _, sent in site.posted] == ["x", "fresh"]
    assert site.posted[-1][1]["text"] == "Snow on runway 4"
    assert [fault for fault in site.faults if "401" not in fault] == []
    site.faults.clear()


def test_a_refusal_inside_a_swap_takes_the_focus(site: Site) -> None:
    refusal = '<form id="form"><div class="error-summary"><b>Nothing was saved yet</b></div></form>'
    site.answer = lambda path, data: Answer(refusal, status=422)
    page = site.open(PAGE)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".error-summary")).to_be_focused()
    assert "422" in site.faults.pop()


def test_the_narrow_page_has_its_navigation_in_a_menu_and_never_scrolls_sideways(site: Site) -> None:
    page = site.open(PAGE, width=390)
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.locator("details.menu summary").click()
    expect(page.get_by_role("link", name="My KPIs 5")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_first_tab_reaches_the_content(site: Site) -> None:
    page = site.open(PAGE)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
