"""A web server on this machine whose answers a test chooses."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HERE = ("127.0.0.1",)


@dataclass
class Answer:
    """What the server says; `length` lies about the size, `slow` waits before each byte."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    slow: float = 0


@dataclass
class Server:
    """Its address and what was asked, as (path, headers)."""

    url: str
    asked: list[tuple[str, dict[str, str]]]


@contextmanager
def serving(answer: Callable[[str], Answer], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve what `answer` returns for a path, encrypted with `tls`."""
    server = Server("", [])
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers.items())))
            said = answer(self.path)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body) if said.length is None else said.length))
            self.end_headers()
            if not said.slow:
                self.wfile.write(said.body)
                return
            for byte in said.body:
                if stopped.wait(said.slow):
                    return
                self.wfile.write(bytes([byte]))

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    server.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopped.set()
        listening.shutdown()
        listening.server_close()
        thread.join()
