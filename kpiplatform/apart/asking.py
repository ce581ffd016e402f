"""Asking a process that works on what strangers wrote, and keeping it within its bounds from outside.

Bytes and time are counted here: a process that exceeds them is killed, whatever it is doing.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from kpiplatform.apart.child import LENGTH

log = logging.getLogger(__name__)

# By its path: as a part of the package it would load the whole platform with it.
COMMAND = (sys.executable, "-I", str(Path(__file__).with_name("child.py")))
# The certificate authorities that this machine trusts, or those that the operator names. Said here because a library
# that brings its own OpenSSL looks elsewhere and finds none.
TRUSTED = ssl.get_default_verify_paths()
# Nothing else of our own environment: it holds the secrets of the installation. One thread for the libraries of
# numbers: each more takes memory from what the process may have.
ENVIRONMENT = {
    **({"SSL_CERT_FILE": TRUSTED.cafile} if TRUSTED.cafile else {}),
    **({"SSL_CERT_DIR": TRUSTED.capath} if TRUSTED.capath else {}),
    "PATH": os.defpath,
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
HEAD_AT_MOST = 64 * 1024**2
PIECE = 1024 * 1024
# Of what the process says beside its answer the end tells why it died.
ERRORS_KEPT = 64 * 1024
# How often whoever waits is told that the process still works.
SECONDS_BETWEEN_SIGNS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What answering once may cost: bytes of memory, seconds, bytes of the answer and of any file."""

    memory: int
    seconds: float
    size: int


class Stopped(Exception):
    """The process came to one of its bounds; `at` says to which. `text` is a piece of the answer that is too long."""

    def __init__(self, at: Literal["memory", "seconds", "processor", "size", "text"]) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True, slots=True)
class Frame:
    """A piece of an answer: what it is, and its bytes."""

    head: Mapping[str, Any]
    parts: list[bytes]


def ask(
    file: Path,
    request: Mapping[str, Any],
    bounds: Bounds,
    *,
    content: bytes = b"",
    alive: Callable[[], None] = lambda: None,
) -> Iterator[Frame]:
    """Yield the frames with which the module in `file` answers. Raises Stopped at a bound, RuntimeError for a fault.

    `alive` is called now and then while there is nothing to give.
    """
    text = json.dumps({**request, "bounds": asdict(bounds)}).encode()
    process = subprocess.Popen(
        [*COMMAND, str(file)],
        cwd="/",
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    errors = _Errors(process.stderr)
    question = (process.stdin, LENGTH.pack(len(text)) + text + content)
    # Beside the reading: a process that does not listen must not keep us waiting longer than it may.
    asking = threading.Thread(target=_put, args=question, daemon=True)
    asking.start()
    try:
        pipe = _Pipe(process.stdout, bounds, alive)
        while (frame := pipe.frame()) is not None:
            if "stopped" in frame.head:
                raise Stopped("memory")
            if "done" in frame.head:
                return
            yield frame
        raise _died(process, errors)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        asking.join()
        process.stdout.close()
        errors.text()
        process.stderr.close()


def _put(stream: BinaryIO, question: bytes) -> None:
    with suppress(BrokenPipeError), stream:
        stream.write(question)


class _Errors:
    """What the process says beside its answer: read all the time, so that it never waits for us; the end is kept."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._end = stream, bytearray()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def text(self) -> str:
        """Return the end of what a process said that has ended."""
        self._reading.join()
        return self._end.decode(errors="replace")

    def _read(self) -> None:
        while piece := self._stream.read1(PIECE):
            self._end += piece
            del self._end[:-ERRORS_KEPT]


class _Pipe:
    """What the process writes, read piece by piece until the time is over."""

    def __init__(self, stream: Any, bounds: Bounds, alive: Callable[[], None]) -> None:
        self._descriptor, self._bounds, self._alive = stream.fileno(), bounds, alive
        self._deadline = time.monotonic() + bounds.seconds
        self._sign = time.monotonic() + SECONDS_BETWEEN_SIGNS
        self._bytes = 0
        self._buffer = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._descriptor, selectors.EVENT_READ)

    def frame(self) -> Frame | None:
        """Return the next whole frame, None where the process ended."""
        length = self._take(LENGTH.size)
        if not length:
            return None
        size = LENGTH.unpack(length)[0]
        if size > HEAD_AT_MOST:
            raise Stopped("text")
        text = self._take(size)
        if not text:
            return None
        try:
            head = json.loads(text.decode("utf-8", "replace"))
        except ValueError:
            raise RuntimeError("a process that works apart gave no frame") from None
        parts = [self._take(size) for size in head.get("sizes", [])]
        return Frame(head, parts) if list(map(len, parts)) == head.get("sizes", []) else None

    def _take(self, size: int) -> bytes:
        """Return the next bytes, fewer only if the process ended."""
        while len(self._buffer) < size:
            piece = self._piece()
            if not piece:
                return b""
            self._buffer += piece
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def _piece(self) -> bytes:
        while True:
            now = time.monotonic()
            if now > self._deadline:
                raise Stopped("seconds")
            if now > self._sign:
                self._sign = now + SECONDS_BETWEEN_SIGNS
                self._alive()
            if self._selector.select(min(self._deadline, self._sign) - now):
                piece = os.read(self._descriptor, PIECE)
                self._bytes += len(piece)
                if self._bytes > self._bounds.size:
                    raise Stopped("size")
                return piece


def _died(process: subprocess.Popen[bytes], errors: _Errors) -> Exception:
    """Return why a process ended without an answer."""
    code = process.wait()
    said = errors.text()
    if code == -signal.SIGXCPU:
        return Stopped("processor")
    if code == -signal.SIGKILL or "MemoryError" in said:
        return Stopped("memory")
    # Where it went wrong, without what it said: that may hold what the strangers wrote.
    places = [line.strip() for line in said.splitlines() if line.startswith("  File ")]
    kind = said.strip().rsplit("\n", 1)[-1].partition(":")[0][:80]
    log.error("a process that works apart ended with %s: %s; %s", code, kind, " > ".join(places[-8:]))
    return RuntimeError(f"a process that works apart ended with {code}")
