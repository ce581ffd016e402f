"""The owner's keyboard grid, as a person uses it."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.frontend.conftest import Answer, Site, violations

CELL = (
    '<td class="cell {state}" id="cell-{id}"><input form="grid" id="value-{id}" name="K{id}@1" value="{value}" {more} '
    'inputmode="decimal" autocomplete="off" aria-label="{id}" hx-post="/cell/{id}" hx-trigger="save" '
    'hx-target="closest td" hx-swap="outerHTML" hx-params="K{id}@1,csrfmiddlewaretoken">{below}</td>'
)
QUESTION = (
    '<div class="cell-pop"><form class="actions" method="post" action="/cell/{id}" hx-post="/cell/{id}" '
    'hx-target="#cell-{id}" hx-swap="outerHTML"><input type="hidden" name="K{id}@1" value="{value}">'
    '<input name="reason" aria-label="Reason" required data-answer><button>Save</button>'
    '<button name="take" value="1" formnovalidate data-discard>Discard</button></form></div>'
)


def cell(number: str, value: str, state: str = "", more: str = "", below: str = "") -> str:
    return CELL.format(id=number, value=value, state=state, more=more, below=below)


ROWS = "".join(
    f'<tr><th scope="row">KPI {row}</th><td class="cell cell--locked num">9</td>'
    + "".join(cell(f"{row}-{week}", f"{row}{week}") for week in (1, 2, 3))
    + "</tr>"
    for row in (1, 2, 3)
)
FROM_A_SOURCE = '<tr><th scope="row">From a source</th>' + '<td class="cell num">5</td>' * 4 + "</tr>"
PAGE = (
    '{% extends "base.html" %}{% load static %}{% block title %}My KPIs{% endblock %}'
    '{% block scripts %}<script src="{% static \'js/entry.js\' %}" type="module"></script>{% endblock %}'
    '{% block content %}<h1>My KPIs</h1><p><span data-count="saved" hidden><b data-number>0</b> saved</span> '
    '<span data-count="invalid" hidden><b data-number>0</b> not saved</span></p>'
    '<form id="grid" method="post" action="/block" hx-post="/block" hx-swap="none">{% csrf_token %}</form>'
    '<form id="paste-ask" hidden method="post" action="/block" hx-post="/block" hx-target="#paste">'
    '<input type="hidden" name="preview" value="1"></form><dialog id="paste" aria-label="Pasted block"></dialog>'
    '<a href="#value-3-3">Enter</a><table class="entry" data-entry data-filled="{count} filled" '
    f'data-skipped="{{count}} left out" '
    f'data-kept="{{count}} not saved yet"><tbody>{ROWS.replace("</tr>", "</tr>" + FROM_A_SOURCE, 1)}</tbody></table>'
    "{% endblock %}"
)


def accept(path: str, data: dict[str, str]) -> Answer:
    """Answer like the server: values up to 100 are saved, others refused with the cell's earlier value kept.

    What would become of a pasted block is not told: then it goes into the cells as it is.
    """
    if "preview" in data:
        return Answer("", status=503)
    values = {name[1:4]: value for name, value in data.items() if name.startswith("K")}
    if path == "/block":
        changed = {number: value for number, value in values.items() if value != number.replace("-", "")}
        cells = (cell(number, value, "cell--saved") for number, value in changed.items())
        parts = "".join(f"<template>{one.replace('<td', '<td hx-swap-oob=true', 1)}</template>" for one in cells)
        return Answer(parts, headers={"HX-Trigger": json.dumps({"measurement-recorded": {"message": "Saved all"}})})
    ((number, value),) = values.items()
    if "take" in data:
        return Answer(cell(number, number.replace("-", "")))
    earlier = f'data-saved="{number.replace("-", "")}" aria-invalid="true"'
    if value == "77" and not data.get("reason"):
        return Answer(cell(number, value, "cell--asking", earlier, QUESTION.format(id=number, value=value)), status=422)
    if float(value) <= 100:
        fact = json.dumps({"measurement-recorded": {"message": f"Saved {number}"}})
        return Answer(cell(number, value, "cell--saved"), headers={"HX-Trigger": fact})
    return Answer(cell(number, value, "cell--invalid", earlier), status=422)


def opened(site: Site) -> Page:
    site.answer = accept
    return site.open(PAGE)


def typed(page: Page, number: str, value: str) -> None:
    page.locator(f"#value-{number}").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(value)


def pasted(page: Page, number: str, text: str) -> None:
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.locator(f"#value-{number}").focus()
    page.keyboard.press("ControlOrMeta+v")


def test_enter_saves_the_cell_says_so_and_goes_down(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "77.6")
    page.keyboard.press("Enter")
    expect(page.locator("#value-2-1")).to_be_focused()
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--saved")
    expect(page.locator("#notices")).to_have_text("Saved 1-1")
    assert site.posted == [("/cell/1-1", {"K1-1@1": "77.6", "csrfmiddlewaretoken": "x"})]
    expect(page.get_by_text("1 saved")).to_be_visible()


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
    for key, number in (("ArrowRight", "1-2"), ("ArrowDown", "2-2"), ("ArrowLeft", "2-1"), ("ArrowUp", "1-1")):
        page.keyboard.press(key)
        expect(page.locator(f"#value-{number}")).to_be_focused()
    page.keyboard.type("7")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#value-1-1")).to_be_focused()


def test_escape_brings_the_saved_value_back(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "850")
    page.keyboard.press("Escape")
    expect(page.locator("#value-1-1")).to_have_value("11")
    expect(page.locator("#cell-1-1")).to_have_class("cell")
    assert site.posted == []


def test_escape_after_a_refusal_asks_the_server_for_the_cell_as_it_was(site: Site) -> None:
    page = opened(site)
    typed(page, "1-1", "850")
    page.keyboard.press("Enter")
    expect(page.locator("#cell-1-1")).to_have_class("cell cell--invalid")
    expect(page.locator("#value-1-1")).to_have_value("850")
    expect(page.get_by_text("1 not saved")).to_be_visible()
    page.locator("#value-1-1").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#value-1-1")).to_have_value("11")
    expect(page.locator("#cell-1-1")).not_to_have_class("cell cell--invalid")
    expect(page.get_by_text("1 not saved")).to_be_hidden()
    assert [data["K1-1@1"] for _, data in site.posted] == ["850", "11"]
    assert site.faults.pop().startswith("Failed to load resource: the server responded with a status of 422")


def test_a_question_is_asked_at_once_answered_by_enter_and_dropped_by_escape(site: Site) -> None:
    page = opened(site)
    for key in ("Escape", "Enter"):
        typed(page, "1-1", "77")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Reason")).to_be_focused()
        page.keyboard.type("Counted again")
        page.keyboard.press(key)
        expect(page.get_by_label("Reason")).to_have_count(0)
        expect(page.locator("#value-1-1")).to_be_focused()
    assert [data.get("take") for _, data in site.posted] == [None, "1", None, None]
    assert site.posted[-1][1]["reason"] == "Counted again"
    site.faults.clear()  # the refusals are named by the browser


def test_a_question_does_not_take_the_focus_from_somebody_who_types_on(site: Site) -> None:
    page = opened(site)

    def answer(path: str, data: dict[str, str]) -> Answer:
        page.keyboard.type("8")
        return accept(path, data)

    site.answer = answer
    typed(page, "1-1", "77")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_visible()
    expect(page.locator("#value-2-1")).to_be_focused()
    site.faults.clear()


def test_a_link_to_a_cell_leads_into_it(site: Site) -> None:
    page = opened(site)
    for _time in range(2):
        page.get_by_role("link", name="Enter").click()
        expect(page.locator("#value-3-3")).to_be_focused()
        page.locator("#value-1-1").focus()


def test_a_pasted_block_fills_cells_and_waits_and_can_be_taken_back(site: Site) -> None:
    page = opened(site)
    pasted(page, "2-2", "1\t2\t3\r\n4\t5\t6\r\n")
    for number, value in (("2-2", "1"), ("2-3", "2"), ("3-2", "4"), ("3-3", "5")):
        expect(page.locator(f"#value-{number}")).to_have_value(value)
    expect(page.locator("#cell-3-3")).to_have_class("cell cell--unsaved")
    expect(page.locator("#notices")).to_contain_text("4 filled")
    expect(page.locator("#notices")).to_contain_text("2 left out")
    page.keyboard.press("ControlOrMeta+z")
    expect(page.locator("#value-3-3")).to_have_value("33")
    expect(page.locator("#cell-3-3")).to_have_class("cell")
    assert [data for _path, data in site.posted if "preview" not in data] == []
    site.faults.clear()  # the browser and htmx name the preview that failed


def test_enter_sends_a_pasted_block_as_one(site: Site) -> None:
    page = opened(site)
    pasted(page, "1-1", "1\t2\n3\t4")
    expect(page.locator("#value-2-2")).to_have_value("4")
    page.keyboard.press("Enter")
    for number in ("1-1", "1-2", "2-1", "2-2"):
        expect(page.locator(f"#cell-{number}")).to_have_class("cell cell--saved")
    assert [path for path, data in site.posted if "preview" not in data] == ["/block"]
    expect(page.get_by_text("4 saved")).to_be_visible()
    expect(page.locator("#notices")).to_have_text("Saved all")
    site.faults.clear()


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
        if data.get("K1-1@1") == "50":  # the person is back in the cell and types before the answer arrives
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
