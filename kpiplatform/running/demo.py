"""The whole platform on this machine: servers, sample organisation, web, worker, beat and a mailbox."""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from kpiplatform.env import Environment
from kpiplatform.running.account import server_account
from kpiplatform.running.embedded import start_servers
from kpiplatform.running.home import CHECKOUT, Home, default_home, only_one, open_home
from kpiplatform.running.keeper import keep, say, step
from kpiplatform.running.refusal import Refusal
from kpiplatform.running.supervisor import HELPERS, Program, Stopping, Supervisor

WEB_SECONDS = 120.0
QUEUES = "pull,evaluate,deliver,report"
# What the preparation of a start depends on: as long as these files are the same it is skipped.
PREPARED_FROM = ("requirements.txt", "*/migrations/*.py", "*/*/migrations/*.py", "static/**/*", "samples/**/*")


def demo(options: list[str]) -> int:
    """Start everything and stay until Ctrl-C; see USAGE in run.py."""
    parser = argparse.ArgumentParser(prog="python3 run.py demo", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="delete the data of earlier starts first")
    arguments = parser.parse_args(options)
    port = Environment().whole("PORT", 8000, least=1, most=65535)
    return keep(lambda lifeline: _run(lifeline, port=port, reset=arguments.reset))


def _run(lifeline: int, *, port: int, reset: bool) -> int:
    began = time.monotonic()
    url = Environment().text("BASE_URL", f"http://localhost:{port}")
    account = server_account()
    home = open_home(default_home(), account=account)
    with only_one(home, url=url, front=os.getppid(), say=say), Supervisor(lifeline, say) as supervisor:
        web_socket = _listening("127.0.0.1", port)
        mail_socket = _listening("127.0.0.1", 0)
        say(f"KPI platform, sample organisation. Data in {home.path}")
        if reset:
            say(f"  removed: {', '.join(home.reset()) or 'nothing, there was no data'}")
        try:
            _start(supervisor, home, url=url, web_socket=web_socket, mail_socket=mail_socket)
            sign_ins = (home.path / "sign-ins").read_text().strip()
            say(f"\nReady after {time.monotonic() - began:.1f} s: {url}\n\n{sign_ins}\n")
            say(f"Ctrl-C stops everything; the data stays. Logs: {home.path / 'logs'}")
            supervisor.watch()
        except Stopping:
            say("\nStopping ...", end="")
            supervisor.stop()
            say(" stopped. The next start goes on from here.")
    return 0


def _start(
    supervisor: Supervisor, home: Home, *, url: str, web_socket: socket.socket, mail_socket: socket.socket
) -> None:
    home.make_secret()
    environment = _environment(home, url=url, mail_port=mail_socket.getsockname()[1])
    fingerprint = _fingerprint(environment)
    # A database of one's own may have been emptied meanwhile; the one in the home shares its fate with this note.
    prepared = home.path / "prepared"
    unchanged = not os.environ.get("DATABASE_URL") and prepared.exists() and prepared.read_text() == fingerprint
    collect = _django(home, environment, "collectstatic", "--no-input", "--verbosity", "0")
    if not unchanged:
        supervisor.start(collect)  # beside the servers: it needs none
    with step("servers"):
        servers = start_servers(supervisor, home, durable=True)
    environment |= {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    _note_environment(home, environment)
    if not unchanged:
        _prepare(supervisor, home, environment, collect)
        prepared.write_text(fingerprint)
    sink = _sink(home, environment, mail_socket)
    web = _web(home, environment, web_socket)
    with step("web, worker, beat, mailbox"):
        supervisor.start(sink)
        supervisor.start(web)
        supervisor.until(lambda: _answers(web_socket.getsockname()[1]), seconds=WEB_SECONDS, of=web)
        supervisor.start(_celery(home, environment, "worker", ("--concurrency", "2", "--queues", QUEUES)))
        supervisor.start(_celery(home, environment, "beat", ("--schedule", str(home.folder("beat") / "schedule"))))


def _prepare(supervisor: Supervisor, home: Home, environment: Mapping[str, str], collect: Program) -> None:
    """Bring tables, sample and static files up to date; the sample only adds what is missing."""
    # Their output is kept apart from the log: what seed_demo prints are the sign-ins shown at every start.
    sample = _django(home, environment, "seed_demo", output=home.path / "sign-ins")
    for title, program in (
        ("tables", _django(home, environment, "migrate", "--no-input", "--verbosity", "0")),
        ("sample organisation", sample),
    ):
        with step(title):
            _must_succeed(program, supervisor.run(program))
    _must_succeed(collect, supervisor.wait_for(collect))


def _must_succeed(program: Program, code: int) -> None:
    if code:
        raise Refusal(f"{program.name} failed; {program.log} says why. Nothing was started.")


# --- the programs -------------------------------------------------------------------------


def _environment(home: Home, *, url: str, mail_port: int) -> dict[str, str]:
    """Return the settings of the demo: the person's own, and what must not be otherwise here."""
    secret = {} if {"SECRET_KEY", "SECRET_KEY_FILE"} & set(os.environ) else {"SECRET_KEY_FILE": str(home.secret)}
    return {
        "LOG_LEVEL": "INFO",
        **os.environ,
        **secret,
        "KPI_ENV": "demo",
        "KPI_HOME": str(home.path),
        "KPI_MAILBOX_DIR": str(home.mailbox),
        "SMTP_URL": f"smtp://127.0.0.1:{mail_port}",  # no mail of a sample ever leaves the machine
        "BASE_URL": url,
        "PYTHONUNBUFFERED": "1",
        "CELERY_SKIP_CHECKS": "1",  # migrating has run them; they take a third of a worker's start
    }


def _django(home: Home, environment: Mapping[str, str], *command: str, output: Path | None = None) -> Program:
    return Program(
        name=command[0],
        command=[sys.executable, "manage.py", *command],
        environment=environment,
        folder=CHECKOUT,
        log=home.log("prepare"),
        output=output,
        restarts=False,
    )


def _web(home: Home, environment: Mapping[str, str], listening: socket.socket) -> Program:
    # The socket is ours and stays open: while the web server is started again, visitors wait instead of failing.
    command = [sys.executable, "-m", "gunicorn", "kpiplatform.wsgi:application", "--bind", f"fd://{listening.fileno()}"]
    command += ["--worker-class", "gthread", "--workers", "2", "--threads", "4", "--preload", "--no-control-socket"]
    command += ["--graceful-timeout", "3", "--timeout", "60", "--access-logfile", "-"]
    return Program(
        name="web",
        command=command,
        environment=environment,
        folder=CHECKOUT,
        log=home.log("web"),
        sockets=[listening.fileno()],
    )


def _celery(home: Home, environment: Mapping[str, str], role: str, options: tuple[str, ...]) -> Program:
    if role == "worker":
        options += ("--without-gossip", "--without-mingle", "--without-heartbeat", "--hostname", "demo@localhost")
    return Program(
        name=role,
        command=[sys.executable, "-m", "celery", "-A", "kpiplatform", role, "--loglevel", "INFO", *options],
        environment=environment,
        folder=CHECKOUT,
        log=home.log(role),
        # SIGTERM lets running tasks end, SIGQUIT hands them back to the queue.
        stop=((signal.SIGTERM, 4.0), (signal.SIGQUIT, 2.0)),
    )


def _sink(home: Home, environment: Mapping[str, str], listening: socket.socket) -> Program:
    home.folder("mailbox")
    descriptor = str(listening.fileno())
    return Program(
        name="mailbox",
        command=[sys.executable, "-m", "kpiplatform.mailbox_sink", "--fd", descriptor, str(home.mailbox)],
        environment=environment,
        folder=CHECKOUT,
        log=home.log("mailbox"),
        stage=HELPERS,
        sockets=[listening.fileno()],
        stop=((signal.SIGTERM, 2.0),),
    )


# --- small things -------------------------------------------------------------------------


def _listening(host: str, port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((host, port))
    except OSError as error:
        raise Refusal(f"Port {port} can't be used ({error.strerror}): choose another one in PORT.") from error
    server.listen(128)
    return server


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _fingerprint(environment: Mapping[str, str]) -> str:
    digest = hashlib.sha256(environment.get("STATIC_ROOT", "").encode())
    for pattern in PREPARED_FROM:
        for path in sorted(CHECKOUT.glob(pattern)):
            if path.is_file():
                digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _note_environment(home: Home, environment: Mapping[str, str]) -> None:
    """Leave the settings for `manage.py` beside the running demo: `set -a; . KPI_HOME/environment`."""
    names = [name for name in sorted(environment) if name.startswith(("KPI_", "SECRET_KEY"))]
    names += ["BASE_URL", "DATABASE_URL", "REDIS_URL", "SMTP_URL"]
    file = home.path / "environment"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={shlex.quote(environment[name])}\n" for name in names))
