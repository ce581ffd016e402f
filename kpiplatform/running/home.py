"""The data folder: one place for all that a running platform keeps, locked against a second start."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kpiplatform.running.account import Account
from kpiplatform.running.refusal import Refusal

CHECKOUT = Path(__file__).resolve().parent.parent.parent
MARKER = "kpi-home"
KEPT = ("postgres", "postgres.new", "valkey", "servers", "run", "static", "mailbox", "sources", "beat")
KEPT_FILES = ("secret", "prepared", "sign-ins", "environment")
LONGEST_SOCKET_FOLDER = 80  # a socket's path must stay below 104 bytes on every system
PREDECESSOR_SECONDS = 20  # a run whose command was killed needs a moment to stop its servers


@dataclass(slots=True)
class Home:
    """A data folder that is ours: marked, so that nothing else is ever deleted."""

    path: Path
    account: Account | None

    def log(self, name: str) -> Path:
        """Return the log file of a program."""
        return self.folder("logs") / f"{name}.log"

    @property
    def mailbox(self) -> Path:
        return self.path / "mailbox"

    @property
    def secret(self) -> Path:
        return self.path / "secret"

    def folder(self, name: str, *, for_server: bool = False) -> Path:
        """Return a folder of the home that only its user enters: us, or the account of the servers."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if for_server and self.account and folder.stat().st_uid != self.account.uid:
            for item in [folder, *folder.rglob("*")]:
                os.chown(item, self.account.uid, self.account.gid, follow_symlinks=False)
        return folder

    @contextlib.contextmanager
    def socket_folder(self) -> Iterator[Path]:
        """Give a folder for unix sockets whose name is short enough for every system."""
        if len(os.fsencode(self.path / "run")) <= LONGEST_SOCKET_FOLDER:
            yield self.folder("run", for_server=True)
            return
        with tempfile.TemporaryDirectory(prefix="kpi-run-", dir="/tmp", ignore_cleanup_errors=True) as folder:
            if self.account:
                os.chown(folder, self.account.uid, self.account.gid)
            yield Path(folder)

    def make_secret(self) -> None:
        """Write the secret key once; it stays the same over all starts, so that people stay signed in."""
        if not self.secret.exists():
            new = self.secret.with_suffix(".new")
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
            new.rename(self.secret)

    def reset(self) -> list[str]:
        """Delete what the platform put here and return the names; anything else in the folder stays."""
        removed = []
        for name in (*KEPT, "logs", *KEPT_FILES):
            path = self.path / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.exists() or path.is_symlink():
                path.unlink()
            else:
                continue
            removed.append(name)
        return removed


def default_home() -> Path:
    """Return KPI_HOME, else a system folder for root and a folder of the checkout for anyone else."""
    named = os.environ.get("KPI_HOME", "")
    if named:
        return Path(named).expanduser().absolute()
    return Path("/var/lib/kpi") if os.geteuid() == 0 else CHECKOUT / ".data"


def open_home(path: Path, *, account: Account | None) -> Home:
    """Return the data folder at `path`, made and marked if new; refuses a folder that holds something else."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        marker = path / MARKER
        if not marker.exists():
            others = sorted(item.name for item in path.iterdir())
            if others:
                raise Refusal(
                    f"{path} is not empty and no data folder of this platform (it holds {others[0]}): "
                    "choose an empty folder in KPI_HOME."
                )
            marker.write_text("Data of the KPI platform: database, queue, mailbox, logs. Made by run.py.\n")
        elif not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if account:
            path.chmod(path.stat().st_mode | 0o011)
    except OSError as error:
        raise Refusal(
            f"The data folder {path} can't be used ({error.strerror}): choose another one in KPI_HOME."
        ) from error
    if account and (closed := account.closed_folder(path)):
        raise Refusal(
            f"The data folder {path} can't be reached by the account {account.name} that runs the servers "
            f"({closed} is closed to it): choose another one in KPI_HOME."
        )
    return Home(path, account)


@contextlib.contextmanager
def only_one(home: Home, *, url: str, front: int, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the folder for this run; a second start is told where the first one is."""
    with (home.path / "lock").open("a+", encoding="utf-8") as file:
        deadline = time.monotonic() + PREDECESSOR_SECONDS
        waiting = False
        while not _locked(file.fileno()):
            running = _read(file)
            if running is None or _alive(running["pid"]) or time.monotonic() > deadline:
                where = f" at {running['url']}, pid {running['pid']}" if running else ""
                raise Refusal(f"The platform is already running{where} (data in {home.path}).")
            if not waiting:
                say("Waiting for the previous run to finish stopping ...")
                waiting = True
            time.sleep(0.1)
        file.truncate(0)
        json.dump({"pid": front, "url": url}, file)
        file.flush()
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[str]) -> dict | None:
    file.seek(0)
    try:
        return json.loads(file.read())
    except ValueError:
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A killed command that nobody has waited for yet still has a number, but runs no more.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except ProcessLookupError:
        return False
    except OSError:
        return True
