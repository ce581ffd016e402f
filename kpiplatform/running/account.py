"""The account that runs the embedded servers when the platform is started as root: PostgreSQL refuses root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kpiplatform.running.refusal import Refusal

ACCOUNT = "kpi"


@dataclass(frozen=True, slots=True)
class Account:
    """A system account by its numbers."""

    name: str
    uid: int
    gid: int

    def reaches(self, path: Path, mode: int) -> bool:
        """Tell whether the account may use `path`; asked by becoming the account in a child, so nothing is guessed."""
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(self.gid)
                os.setuid(self.uid)
                os._exit(0 if os.access(path, mode) else 1)
            finally:
                os._exit(1)
        return os.waitpid(child, 0)[1] == 0

    def closed_folder(self, path: Path) -> Path | None:
        """Return the outermost folder on the way to `path` that the account can't enter."""
        for folder in [*reversed(path.parents), path]:
            if folder.is_dir() and not self.reaches(folder, os.X_OK):
                return folder
        return None


def server_account() -> Account | None:
    """Return the account for the servers, made if it is missing; None when not started as root."""
    if os.geteuid() != 0:
        return None
    wanted = os.environ.get("KPI_SERVER_USER", "")
    entry = _entry(wanted or ACCOUNT)
    if entry is None and wanted:
        raise Refusal(f"KPI_SERVER_USER={wanted!r} is no account of this machine.")
    if entry is None:
        entry = _made() or _entry("nobody")
    if entry is None:
        raise Refusal(
            "PostgreSQL does not run as root and this machine can't make an account for it: "
            "name an existing one in KPI_SERVER_USER, or start as another user than root."
        )
    if entry.pw_uid == 0:
        raise Refusal("KPI_SERVER_USER must not be root: PostgreSQL refuses to run as root.")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _made() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        return None
    command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    subprocess.run([*command, "--shell", "/usr/sbin/nologin", ACCOUNT], check=False, capture_output=True)
    return _entry(ACCOUNT)
