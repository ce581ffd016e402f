"""Commands that need servers for their own time only: the tests and the benchmarks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kpiplatform.running.account import server_account
from kpiplatform.running.embedded import start_servers
from kpiplatform.running.home import CHECKOUT, Home, open_home
from kpiplatform.running.keeper import keep, say, step
from kpiplatform.running.supervisor import HELPERS, Program, Stopping, Supervisor

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Of a person's settings only those that describe the machine count here: a test must not depend on the rest.
OF_THE_MACHINE = {"KPI_POSTGRES_BIN", "KPI_VALKEY_BIN", "KPI_SERVER_USER", "KPI_CHROMIUM"}
OF_AN_INSTALLATION = {"SECRET_KEY", "SECRET_KEY_FILE", "ALLOWED_HOSTS", "BASE_URL", "PORT", "CSRF_TRUSTED_ORIGINS"}
OF_AN_INSTALLATION |= {"SMTP_URL", "STATIC_ROOT", "LOG_LEVEL", "DEFAULT_FROM_EMAIL", "DATABASE_CONN_MAX_AGE"}
WHOLE_SUITE = ["--quiet", "--numprocesses=auto", "--maxprocesses=4", "--durations=15"]
INTERRUPTED = 130


def test(options: list[str]) -> int:
    """Run pytest on servers that forget everything afterwards; its summary is the last thing printed.

    Without options the whole suite runs, a part of it on each core.
    """
    arguments = ["-m", "pytest", *(options or WHOLE_SUITE)]
    return keep(lambda lifeline: _run(lifeline, arguments, durable=False, browser=True))


def bench(options: list[str]) -> int:
    """Run the benchmarks on servers that write as durably as in production."""
    return keep(lambda lifeline: _run(lifeline, ["-m", "benchmarks", *options], durable=True, browser=False))


def _run(lifeline: int, arguments: list[str], *, durable: bool, browser: bool) -> int:
    with _temporary_home() as home, Supervisor(lifeline, say) as supervisor:
        installing = _installing_browser(supervisor, home) if browser else None
        with step("servers"):
            servers = start_servers(supervisor, home, durable=durable)
        if installing:
            with step("Chromium for the browser tests"):
                supervisor.wait_for(installing)
        if browser and not _browser():
            say("  no Chromium found and none could be installed: set KPI_CHROMIUM, or the browser tests fail")
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in OF_THE_MACHINE or not (name.startswith("KPI_") or name in OF_AN_INSTALLATION)
        }
        home.folder("static")  # empty: the tests serve static files from their sources
        environment |= {"KPI_ENV": "test", "KPI_HOME": str(home.path), "KPI_CHROMIUM": _browser()}
        environment |= {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        # From a terminal, Ctrl-C has reached the program already: a second signal would cut its summary short.
        gently = [(signal.SIGCONT, 30.0)] if sys.stdin.isatty() else []
        program = Program(
            name=arguments[1],
            command=[sys.executable, *arguments],
            environment=environment,
            folder=CHECKOUT,
            log=None,
            stop=[*gently, (signal.SIGINT, 20.0)],
            restarts=False,
        )
        try:
            return _as_exit_code(supervisor.run(program))
        except Stopping:
            supervisor.stop()
            return INTERRUPTED


def _as_exit_code(code: int) -> int:
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _temporary_home() -> Iterator[Home]:
    account = server_account()
    path = Path(tempfile.mkdtemp(prefix="kpi-", dir="/tmp" if account else None))
    try:
        yield open_home(path, account=account)
    finally:
        shutil.rmtree(path, ignore_errors=True)


# --- the browser --------------------------------------------------------------------------


def _browser() -> str:
    """Return the path of a Chromium, or nothing."""
    named = os.environ.get("KPI_CHROMIUM", "")
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), "")


def _installing_browser(supervisor: Supervisor, home: Home) -> Program | None:
    """Start the installation of Chromium where that is possible, and return it to be waited for."""
    if _browser() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    program = Program(
        name="Chromium",
        command=["/bin/sh", "-c", "apt-get update && apt-get install -y --no-install-recommends chromium"],
        environment={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        log=home.log("chromium"),
        stage=HELPERS,
        restarts=False,
    )
    supervisor.start(program)
    return program
