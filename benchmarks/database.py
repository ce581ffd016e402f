"""A database of the benchmark's own, beside the one that DATABASE_URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

SUFFIX = "_bench"


class DatabaseInUse(Exception):
    """Another benchmark works in the database."""


@contextmanager
def own_database(url: str, *, template: str) -> Iterator[str]:
    """Make a copy of `template`, point DATABASE_URL at it and drop it afterwards; that named is only connected to."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/") + SUFFIX
    with _connected(url) as server:
        used = server.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]).fetchone()
        if used and used[0]:
            raise DatabaseInUse(f"The database {name} is in use: another benchmark seems to run.")
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    os.environ["DATABASE_URL"] = parts._replace(path=f"/{name}").geturl()
    try:
        yield os.environ["DATABASE_URL"]
    finally:
        with _connected(url) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _connected(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True, password=os.environ.get("DATABASE_PASSWORD") or None)
