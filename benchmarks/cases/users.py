"""Twenty people who open pages at once, through the web server, on loopback only."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from benchmarks.cases.pages import Page, scorecard, the_kpi_page
from benchmarks.load import KPIS_PER_UNIT, Load
from benchmarks.measuring import CheckFailed, Result, Rounds, check
from kpiplatform.accounts.models import User

PEOPLE = 20
REQUESTS, REQUESTS_OF_A_SMALL_LOAD, SMALL = 15, 3, 1000
SECONDS = 0.150
CHECKOUT = Path(__file__).resolve().parent.parent.parent


def users_at_once(load: Load, rounds: Rounds) -> Iterator[Result]:
    """Measure how long the slowest one in twenty waits, without a pause between two pages."""
    pages = [scorecard(load, KPIS_PER_UNIT, "unit", reach=1.0), the_kpi_page(load)]
    requests = REQUESTS if load.size >= SMALL else REQUESTS_OF_A_SMALL_LOAD
    cookies = [_signed_in(pages[0].person) for _ in range(PEOPLE)]
    with _web_server() as port, ThreadPoolExecutor(PEOPLE) as people:
        _visit(port, cookies[0], pages, requests)  # the server's processes compile the templates

        def visits() -> float:
            waits = people.map(lambda cookie: _visit(port, cookie, pages, requests), cookies)
            return max(_ninety_fifth(column) for column in zip(*waits, strict=True) if column)

        (seconds,) = rounds.alternate("users", visits)
    yield Result(
        case=f"any page, 95th percentile with {PEOPLE} people at once",
        versus="150 ms",
        reach=1.0,
        product=seconds,
        limit=(SECONDS,) * len(seconds),
        note=f"{PEOPLE * requests} requests, no pause between them",
    )


def _visit(port: int, cookie: str, pages: list[Page], requests: int) -> list[float]:
    """Open the pages in turn and return how long each took."""
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    waits = []
    for number in range(requests):
        page = pages[number % len(pages)]
        began = time.perf_counter()
        browser.request("GET", page.path, headers={"Host": "localhost", "Cookie": cookie})
        response = browser.getresponse()
        html = response.read().decode()
        waits.append(time.perf_counter() - began)
        check(response.status, http.HTTPStatus.OK, f"status of {page.path}")
        if number < len(pages):
            page.check(html)
    browser.close()
    return waits


def _ninety_fifth(waits: tuple[float, ...]) -> float:
    return sorted(waits)[min(int(len(waits) * 0.95), len(waits) - 1)]


def _signed_in(person: User) -> str:
    """Return the cookie of a new session of `person`."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


@contextmanager
def _web_server() -> Iterator[int]:
    """Run gunicorn as the demo does, on a free port of loopback."""
    with socket.socket(socket.AF_INET) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "kpiplatform.wsgi:application"]
        command += ["--bind", f"fd://{listening.fileno()}", "--worker-class", "gthread", "--workers", "2"]
        command += ["--threads", "4", "--preload", "--no-control-socket", "--log-level", "warning"]
        server = subprocess.Popen(command, pass_fds=[listening.fileno()], cwd=CHECKOUT, stdin=subprocess.DEVNULL)
        try:
            _wait_until_ready(server, port)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                os.kill(server.pid, signal.SIGKILL)
                server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    browser.request("GET", "/healthz", headers={"Host": "localhost"})
    if server.poll() is not None or browser.getresponse().status != http.HTTPStatus.OK:
        raise CheckFailed("The web server did not start.")
    browser.close()
