"""One migrated database, from which every test database is copied: migrating takes longer than many a test folder."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

CHECKOUT = Path(__file__).resolve().parent.parent
PREFIX = "test_template_"
MAKING_TEMPLATE = 7_301_001  # the advisory lock of whoever makes it


def migrated_template() -> str:
    """Return the name of a database with all migrations applied; the first process that asks makes it."""
    name = PREFIX + _fingerprint()
    with psycopg.connect(_address("postgres"), autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [MAKING_TEMPLATE])
        if name not in _templates(server):
            for stale in _templates(server):
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(stale)))
            making = sql.Identifier(f"{name}_making")
            server.execute(sql.SQL("CREATE DATABASE {}").format(making))
            _migrate(f"{name}_making")
            server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(making, sql.Identifier(name)))
    return name


def _templates(server: psycopg.Connection) -> set[str]:
    rows = server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
    return {name for (name,) in rows.fetchall()}


def _fingerprint() -> str:
    files = sorted(CHECKOUT.glob("*/migrations/*.py")) + sorted(CHECKOUT.glob("kpiplatform/*/migrations/*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _address(database: str) -> str:
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}"))


def _migrate(database: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=CHECKOUT, env={**os.environ, "DATABASE_URL": _address(database)}, check=True)
