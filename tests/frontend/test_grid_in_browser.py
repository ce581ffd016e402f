"""The owner's keyboard grid, as a person uses it."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.frontend.conftest import Answer, Site, violations

CELL = (
    '<td class="cell {state}" id="cell-{id}"><form method="post" action="/cell/{id}" hx-post="/cell/{id}" '
    'hx-target="closest td" hx-swap="outerHTML"><input type="hidden" name="period" value="{id}">'
    '<input id="value-{id}" name="value" value="{value}" {more} inputmode="decimal" autocomplete="off" '
    'aria-label="{id}">'
    "</form></td>"
)
ROWS = "".join(
    f'<tr><th scope="row">KPI {row}</th><td class="cell cell--locked num">9</td>'
    + "".join(CELL.format(id=f"{row}-{week}", value=f"{row}{week}", state="", more="") for week in (1, 2, 3))
    + "</tr>"
    for row in (1, 2, 3)
)
PAGE = (
    '{% extends "base.html" %}{% load static %}{% block title %}My KPIs{% endblock %}'
    '{% block scripts %}<script src="{% static \'js/entry.js\' %}" type="module"></script>{% endblock %}'
    '{% block content %}<h1>My KPIs</h1><table class="entry" data-entry data-filled="{count} filled" '
    f'data-skipped="{{count}} left out"><tbody>{ROWS}</tbody></table>{{% endblock %}}'
)


def accept(path: str, data: dict[str, str]) -> Answer:
    """Answer like the server: values up to 100 are saved, others refused with the cell's earlier value kept."""
    number = data["period"]
    if float(data["value"]) <= 100:
        saved = CELL.format(id=number, value=data["value"], state="cell--saved", more="")
        fact = json.dumps({"measurement-recorded": {"message": f"Saved {number}"}})
        return Answer(saved, headers={"HX-Trigger": fact})
    earlier = f'data-saved="{number.replace("-", "")}" aria-invalid="true"'
    return Answer(CELL.format(id=number, value=data["value"], state="cell--invalid", more=earlier), status=422)


def opened(site: Site) -> Page:
    site.answer = accept
    return site.open(PAGE)


def typed(page: Page, cell: str, value: str) -> None:
    page.locator(f"#value-{cell}").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(value)


def pasted(page: Page, cell: str, text: str) -> None:
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.locator(f"#value-{cell}").focus()
    page.keyboard.press("ControlOrMeta+v")


def test_enter_saves_the_cell_says_so_and_goes_down(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "77.6")
    page.keyboard.press("Enter")
    expect(page.locator("#value-2-1")).to_be_focused()
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--saved")
    expect(page.locator("#notices")).to_have_text("Saved 1-1")
    assert site.posted == [("/cell/1-1", {"period": "1-1", "value": "77.6"})]


def test_leaving_a_changed_cell_saves_it_once_and_an_unchanged_one_never(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "50")
    page.keyboard.press("Tab")
    expect(page.locator("#value-1-2")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--saved")
    assert [path for path, _ in site.posted] == ["/cell/1-1"]


def test_arrows_move_between_cells_but_inside_the_text_they_move_the_caret(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "11")
    for key, cell in (("ArrowRight", "1-2"), ("ArrowDown", "2-2"), ("ArrowLeft", "2-1"), ("ArrowUp", "1-1")):
        page.keyboard.press(key)
        expect(page.locator(f"#value-{cell}")).to_be_focused()
    page.keyboard.type("7")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#value-1-1")).to_be_focused()


def test_escape_brings_the_saved_value_back_even_after_a_refusal(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "850")
    page.keyboard.press("Enter")
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--invalid")
    expect(page.locator("#value-1-1")).to_have_value("850")
    page.locator("#value-1-1").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#value-1-1")).to_have_value("11")
    expect(page.locator("#cell-1-1")).to_have_class("cell")
    assert site.faults.pop().startswith("Failed to load resource: the server responded with a status of 422")


def test_a_pasted_block_fills_cells_and_waits_and_can_be_taken_back(site: Site) -> None:
    page = opened(site)
    pasted(page, "2-2", "1\t2\t3\r\n4\t5\t6\r\n")
    for cell, value in (("2-2", "1"), ("2-3", "2"), ("3-2", "4"), ("3-3", "5")):
        expect(page.locator(f"#value-{cell}")).to_have_value(value)
    expect(page.locator("#cell-3-3")).to_have_class("cell cell--unsaved")
    expect(page.locator("#notices")).to_contain_text("4 filled")
    expect(page.locator("#notices")).to_contain_text("2 left out")
    page.keyboard.press("ControlOrMeta+z")
    expect(page.locator("#value-3-3")).to_have_value("33")
    expect(page.locator("#cell-3-3")).to_have_class("cell")
    assert site.posted == []


def test_enter_saves_a_pasted_block_one_cell_after_another(site: Site) -> None:
    page = opened(site)
    pasted(page, "1-1", "1\t2\n3\t4")
    page.keyboard.press("Enter")
    for cell in ("1-1", "1-2", "2-1", "2-2"):
        expect(page.locator(f"#cell-{cell}")).to_have_class("cell cell--saved")
    assert [path for path, _ in site.posted] == ["/cell/1-1", "/cell/1-2", "/cell/2-1", "/cell/2-2"]


def test_a_single_pasted_value_is_ordinary_typing(site: Site) -> None:
    page = opened(site)
    page.evaluate("navigator.clipboard.writeText('42')")
    typed(page, "1-1", "")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("ControlOrMeta+v")
    expect(page.locator("#value-1-1")).to_have_value("42")
    expect(page.locator("#notices")).to_be_empty()


def test_typing_that_goes_on_while_the_cell_is_saved_is_kept(site: Site) -> None:
    page = opened(site)

    def answer(path: str, data: dict[str, str]) -> Answer:
        if data["value"] == "50":  # the person is back in the cell and types before the answer arrives
            page.evaluate("document.querySelector('#value-1-1').value = '61'")
        return accept(path, data)

    site.answer = answer
    typed(page, "1-1", "50")
    page.keyboard.press("Enter")
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--saved cell--unsaved")
    expect(page.locator("#value-1-1")).to_have_value("61")


def test_a_failed_save_keeps_the_value_and_can_be_tried_again(site: Site) -> None:
    page = opened(site)
    site.answer = lambda path, data: Answer("", status=500)
    typed(page, "1-1", "50")
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("That did not work")
    expect(page.locator("#value-1-1")).to_have_value("50")
    site.answer = accept
    page.keyboard.press("Enter")
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--saved")
    assert len(site.faults) == 2  # the browser and htmx each name the failed request
    site.faults.clear()


def test_the_grid_breaks_no_accessibility_rule(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "850")
    page.keyboard.press("Enter")
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--invalid")
    assert violations(page) == []
    site.faults.clear()  # the refusal is named by the browser
