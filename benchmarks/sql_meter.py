"""Seconds that PostgreSQL worked for a piece of the product, without what Python did around it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.db import connection
from django.db.backends.postgresql import base
from psycopg.copy import LibpqWriter

SHOWN = 90


@dataclass(slots=True)
class SqlMeter:
    """The statements of a block: how many, how long, and which ones took long."""

    seconds: float = 0.0
    count: int = 0
    by_statement: Counter[str] = field(default_factory=Counter)
    statements: list[tuple[str, Any]] = field(default_factory=list)

    def add(self, sql: str, seconds: float) -> None:
        self.seconds += seconds
        self.by_statement[" ".join(sql.split())[:SHOWN]] += seconds


@contextmanager
def metered() -> Iterator[SqlMeter]:
    """Measure every statement of the connection inside the block.

    Of COPY only sending and finishing count: encoding rows is work of the product.
    """
    meter = SqlMeter()

    def timed(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            meter.count += 1
            meter.statements.append((sql, params))
            meter.add(sql, time.perf_counter() - began)

    class TimedWriter(LibpqWriter):
        """A writer that knows how long the server kept it waiting."""

        def write(self, data: Any) -> None:
            began = time.perf_counter()
            super().write(data)
            meter.add("COPY", time.perf_counter() - began)

        def finish(self, exc: BaseException | None = None) -> None:
            began = time.perf_counter()
            super().finish(exc)
            meter.count += 1
            meter.add("COPY", time.perf_counter() - began)

    def copy(cursor: Any, statement: Any, params: Any = None) -> Any:
        return plain_copy(cursor, statement, params, writer=TimedWriter(cursor))

    plain_copy = base.Cursor.copy
    with mock.patch.object(base.Cursor, "copy", copy), connection.execute_wrapper(timed):
        yield meter
