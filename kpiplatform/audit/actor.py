"""Who acts: the id that the audit triggers write beside each change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def acting(user_id: int) -> Iterator[None]:
    """Name `user_id` as the author of every change made on this connection inside the block."""
    _name(str(user_id))
    try:
        yield
    finally:
        if connection.connection is not None and not connection.needs_rollback:
            _name("")


def _name(actor: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('kpi.actor', %s, false)", [actor])
