"""Typing values in tests, and reading what the owner's page shows of them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from kpis.domain.periods import Calendar, period_of
from kpis.models import Kpi
from kpis.readings import Recorded
from kpis.services.entry import enter_measurement
from tests.factories import NOW

TODAY = date(2026, 11, 22)
W42, W43, W44, W45, W46, W47 = (date(2026, 10, 12) + timedelta(weeks=number) for number in range(6))
HTMX = {"HX-Request": "true"}


def enter(kpi: Kpi, start: date, value: str | None, *, seq: int = 0, now: datetime = NOW, **said: Any) -> Recorded:
    """Enter a weekly value as the owner, or as `user`."""
    said.setdefault("user", kpi.owner)
    return enter_measurement(
        kpi=kpi,
        period=period_of(start, kpi.frequency, Calendar()),
        expected_seq=seq,
        value=None if value is None else Decimal(value),
        now=now,
        **said,
    )


def url_of(kpi: Kpi, start: date) -> str:
    """Return the address of a cell."""
    return reverse("my:cell", args=[kpi.code, start])


def type_into(client: Client, kpi: Kpi, start: date, text: str, seq: int = 0, **said: str) -> HttpResponse:
    """Type into a cell of the grid and leave it."""
    return client.post(url_of(kpi, start), {f"{kpi.code}@{start}@{seq}": text, **said}, headers=HTMX)


def answer_in(client: Client, kpi: Kpi, start: date, **said: str) -> HttpResponse:
    """Press a button of a form below a cell."""
    return client.post(url_of(kpi, start), said, headers=HTMX)


def body(response: HttpResponse) -> str:
    """Return the markup of an answer."""
    return unescape(response.content.decode())


def page_of(client: Client) -> str:
    """Return the owner's page of whoever is signed in."""
    answer = client.get(reverse("my:kpis"))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def cell(page: str, kpi: Kpi, start: date) -> str:
    """Return the markup of one cell."""
    found = re.search(rf'<td class="[^"]*" id="cell-{kpi.code}-{start}".*?</td>', page, re.DOTALL)
    assert found, f"no cell of {kpi.code} on {start}"
    return found[0]


def row_state(page: str, kpi: Kpi) -> str:
    """Return what the last column says of a KPI."""
    found = re.search(rf'<td class="c-state" id="state-{kpi.code}".*?</td>', page, re.DOTALL)
    assert found, f"no row of {kpi.code}"
    return words_in(found[0])


def text_of(page: str, element_id: str) -> str:
    """Return the text of a paragraph by its id."""
    found = re.search(rf'id="{element_id}"[^>]*>(.*?)</p>', page, re.DOTALL)
    assert found, f"no {element_id}"
    return words_in(found[1])


def words_in(markup: str) -> str:
    """Return the visible text of markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(markup)).split())
