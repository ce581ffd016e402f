"""A server on this machine that speaks the protocol of MySQL; a test says what it answers and sees what it is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mysql_mimic import MysqlServer, NativePasswordAuthPlugin, ResultSet, User
from mysql_mimic.auth import IdentityProvider
from mysql_mimic.session import BaseSession
from mysql_mimic.variables import GlobalVariables, SessionVariables

READER, PASSWORD = "reader", "ß3crét-ł"


@dataclass
class Told:
    """Its port, and the statements in their order."""

    port: int
    statements: list[str] = field(default_factory=list)


class _Reader(IdentityProvider):
    """Knows one person."""

    async def get_user(self, username: str) -> User | None:
        secret = NativePasswordAuthPlugin.create_auth_string(PASSWORD)
        known = User(name=READER, auth_string=secret, auth_plugin=NativePasswordAuthPlugin.name)
        return known if username == READER else None


@contextmanager
def mysql(answer: Callable[[str], Any], *, version: str = "8.4.0") -> Iterator[Told]:
    """Serve what `answer` returns for a statement: a result, None for a mere OK, or an error that it raises."""
    told = Told(0)

    class Session(BaseSession):
        def __init__(self) -> None:
            self.variables = SessionVariables(GlobalVariables())
            self.variables.set("version", version, force=True)
            self.username = self.database = None

        async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
            told.statements.append(sql)
            return answer(sql) or ResultSet([], [])

    ready = threading.Event()
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        over = asyncio.Event()
        stop.append(partial(asyncio.get_running_loop().call_soon_threadsafe, over.set))
        server = MysqlServer(Session, identity_provider=_Reader())
        await server.start_server(host="127.0.0.1", port=0)
        told.port = server.sockets()[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield told
    finally:
        stop[0]()
        thread.join(5)
