"""The demo as a person starts it: a command in its own folder on a free port, and what is left of it in the system."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
OF_THE_MACHINE = {"KPI_POSTGRES_BIN", "KPI_VALKEY_BIN", "KPI_SERVER_USER"}
OTHERS = {"DATABASE_URL", "REDIS_URL", "SMTP_URL", "BASE_URL", "PORT", "SECRET_KEY", "ALLOWED_HOSTS", "STATIC_ROOT"}
START_SECONDS = 240.0  # it takes 20; a machine that does other things as well is no failure
STOP_SECONDS = 30.0


def clean_environment(**settings: str) -> dict[str, str]:
    """Return the environment of a person who has set nothing but `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in OF_THE_MACHINE or not (name.startswith(("KPI_", "PYTEST_", "DJANGO_")) or name in OTHERS)
    }
    return kept | settings


def run(*command: str, seconds: float = 30.0, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `python3 run.py …` to its end."""
    return subprocess.run(
        [sys.executable, "run.py", *command],
        cwd=CHECKOUT,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Wait for `condition`, looked at often, and fail if it never holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that the account of the servers can reach, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="kpi-running-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Demo:
    """One data folder and the command that runs on it."""

    home: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def printed(self) -> str:
        return (self.home.parent / "printed").read_text()

    def begin(self) -> None:
        """Start the command and return at once."""
        with (self.home.parent / "printed").open("w") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "run.py", "demo"],
                cwd=CHECKOUT,
                env=clean_environment(KPI_HOME=str(self.home), PORT=str(self.port)),
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start the command and return once it says that it is ready."""
        self.begin()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        eventually(self.ready_or_ended, seconds=START_SECONDS, what="a demo that is ready")
        assert "Ready after" in self.printed, self.printed

    def ready_or_ended(self) -> bool:
        return "Ready after" in self.printed or self.ended()

    def ensure_running(self) -> None:
        if self.ended():
            self.begin()
        self.wait_until_ready()

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def stop(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def health(self) -> int:
        """Return the status of the health page, 0 if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://localhost:{self.port}/healthz", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def processes(self) -> dict[int, str]:
        """Return every process of this folder: those that carry its name in their environment or command."""
        marker = os.fsencode(self.home)
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if marker in command or b"KPI_HOME=" + marker in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = command.replace(b"\0", b" ").decode()
        return found

    def pid_of(self, part: str) -> int:
        """Return the first process whose command holds `part`: the parent of those that it forked."""
        return min(pid for pid, command in self.processes().items() if part in command)

    def database_url(self) -> str:
        """Return the address that the demo notes for people who want to look inside."""
        lines = (self.home / "environment").read_text().splitlines()
        value = next(line.partition("=")[2] for line in lines if line.startswith("DATABASE_URL="))
        return value.strip("'")
