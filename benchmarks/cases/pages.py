"""Pages, each against a greeting through the same middleware and the page's own statements."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client, override_settings

from benchmarks.load import KPIS_PER_UNIT, PERIODS, UNITS_PER_AREA, Load
from benchmarks.measuring import Result, Rounds, Stopwatch, check
from benchmarks.sql_meter import metered
from kpiplatform.accounts.models import User
from kpis.domain.figures import number
from kpis.models import Kpi

HELLO = "/benchmarks/hello/"
SCORECARD = "/scorecard/?tier=operational"
# A page takes milliseconds: more rounds make up for the noise.
ROUNDS_OF_PAGES = 10
MOST_QUERIES = 12
ROW = re.compile(r'class="row-kpi".*?</tr>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """An address, the person who opens it, and what refuses a page that lacks a row or a value."""

    name: str
    path: str
    person: User
    reach: float
    check: Callable[[str], None]


def scorecard_of_50(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Measure the scorecard of one unit."""
    yield _measure(scorecard(load, KPIS_PER_UNIT, "unit", reach=2.5), rounds)[0]


def scorecard_of_200(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Measure the scorecard of one area."""
    yield _measure(scorecard(load, KPIS_PER_UNIT * UNITS_PER_AREA, "area", reach=3.5), rounds)[0]


def kpi_page(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Measure the page of a KPI, and count its queries."""
    page = the_kpi_page(load)
    result, queries = _measure(page, rounds)
    yield result
    yield Result(
        case=f"{page.name}: queries",
        versus=f"{MOST_QUERIES} queries",
        reach=1.0,
        product=(float(queries),),
        limit=(float(MOST_QUERIES),),
        unit="queries",
    )


def scorecard(load: Load, rows: int, role: str, *, reach: float) -> Page:
    """Return the scorecard of the person who sees that many KPIs."""
    person = load.person(role)
    unit = person.roles.get().unit

    def check_rows(html: str) -> None:
        kpis = Kpi.objects.filter(unit__path__startswith=unit.path).values_list("code", "state__value", "decimals")
        found = ROW.findall(html)
        check(len(found), min(rows, load.size), "rows of the scorecard")
        by_code = {code: row for row in found for code in re.findall(r'href="/kpis/([^/"]+)/"', row)}
        for code, value, decimals in kpis:
            check(number(value, decimals, locale="en") in by_code[code], True, f"value of {code} on the scorecard")

    return Page(f"scorecard with {min(rows, load.size)} KPIs", SCORECARD, person, reach, check_rows)


def the_kpi_page(load: Load) -> Page:
    """Return the page of a KPI with all periods in its chart."""
    kpi = Kpi.objects.get(pk=1)

    def check_points(html: str) -> None:
        values = [float(row.value) for row in kpi.measurements.order_by("period_start") if row.value is not None]
        chart = re.search(r'<script id="chart-data"[^>]*>(.*?)</script>', html, re.DOTALL)
        periods = json.loads(chart.group(1))["periods"] if chart else []
        check([period["value"] for period in periods if period["value"] is not None], values, "points of the chart")

    return Page(
        f"KPI page with {PERIODS} points", f"/kpis/{kpi.code}/?range=all", load.person("unit"), 2.5, check_points
    )


def _measure(page: Page, rounds: Rounds) -> tuple[Result, int]:
    with override_settings(ROOT_URLCONF="benchmarks.urls"):
        client = Client(raise_request_exception=False, headers={"host": "localhost"})
        client.force_login(page.person)
        page.check(_get(client, page.path))
        _get(client, HELLO)
        queries, statements = _statements(client, page.path)

        def greeting() -> float:
            return _seconds(client, HELLO)

        def whole() -> float:
            return _seconds(client, page.path)

        def sql() -> float:
            return _replay(statements)

        turns = rounds.alternate(page.name, greeting, sql, whole, times=rounds.times * ROUNDS_OF_PAGES)
        page.check(_get(client, page.path))
    hello, of_sql, product = turns
    return (
        Result(
            case=page.name,
            versus="a greeting through the same middleware + its SQL",
            reach=page.reach,
            product=product,
            limit=tuple(a + b for a, b in zip(hello, of_sql, strict=True)),
            note=f"{queries} queries",
        ),
        queries,
    )


def _get(client: Client, path: str) -> str:
    response = client.get(path)
    check(response.status_code, 200, f"status of {path}")
    return response.content.decode()


def _seconds(client: Client, path: str) -> float:
    watch = Stopwatch()
    with watch:
        response = client.get(path)
    check(response.status_code, 200, f"status of {path}")
    return watch.seconds


def _statements(client: Client, path: str) -> tuple[int, list[tuple[str, Any]]]:
    """Return how many queries the page makes, and those of them that the greeting does not make."""
    with metered() as greeting:
        _get(client, HELLO)
    with metered() as page:
        _get(client, path)
    own = list(page.statements)
    for statement in greeting.statements:
        with suppress(ValueError):
            own.remove(statement)
    return page.count, own


def _replay(statements: Sequence[tuple[str, Any]]) -> float:
    """Return the seconds that the statements take without the ORM."""
    watch = Stopwatch()
    with connection.cursor() as cursor, watch:
        for sql, params in statements:
            cursor.cursor.execute(sql, params)
            if cursor.cursor.description:
                cursor.cursor.fetchall()
    return watch.seconds
