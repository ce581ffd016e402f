"""Asking the process that reads a source, and keeping it within its limits from outside.

Rows, bytes and time are counted here: a process that exceeds them is killed, whatever it is doing.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Limits, Refusal, SourceError, TookTooLong

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-E", "-s", "-m", "kpis.sources.child")
CHECKOUT = Path(__file__).resolve().parents[2]
# Nothing of our own environment: it holds the secrets of the installation.
# One thread for the libraries of pandas: each more takes memory from what the process may have.
ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
LENGTH = struct.Struct(">I")
HEAD_AT_MOST = 64 * 1024**2
PIECE = 1024 * 1024
# How often whoever waits is told that the source is still being read.
SECONDS_BETWEEN_SIGNS = 15.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A piece of an answer: what it is, and its bytes."""

    head: Mapping[str, Any]
    parts: list[bytes]


def ask(request: Mapping[str, Any], limits: Limits, *, alive: Callable[[], None] = lambda: None) -> Iterator[Frame]:
    """Yield the frames of the answer; SourceError for a refusal, and when the process exceeds a limit.

    `alive` is called now and then while there is nothing to give.
    """
    process = subprocess.Popen(
        COMMAND,
        cwd=CHECKOUT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        with suppress(BrokenPipeError):
            assert process.stdin is not None
            process.stdin.write(json.dumps({**request, "limits": asdict(limits)}).encode())
            process.stdin.close()
        pipe = _Pipe(process, limits, alive)
        while (frame := pipe.frame()) is not None:
            if "refused" in frame.head:
                refusals = [Refusal.stored(refusal) for refusal in frame.head["refusals"]]
                raise SourceError(Sentence.stored(frame.head["refused"]), refusals=refusals, read=frame.head["read"])
            yield frame
            if "done" in frame.head or "preview" in frame.head:
                return
        raise _died(process, limits)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


class _Pipe:
    """What the process writes, read piece by piece until the time is over."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits, alive: Callable[[], None]) -> None:
        assert process.stdout is not None
        self._descriptor, self._limits, self._alive = process.stdout.fileno(), limits, alive
        self._deadline = time.monotonic() + limits.seconds
        self._sign = time.monotonic() + SECONDS_BETWEEN_SIGNS
        self._rows = self._bytes = 0
        self._buffer = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._descriptor, selectors.EVENT_READ)

    def frame(self) -> Frame | None:
        """Return the next frame, None where the process ended."""
        length = self._take(LENGTH.size)
        if not length:
            return None
        size = LENGTH.unpack(length)[0]
        if size > HEAD_AT_MOST:
            raise SourceError(Sentence(_("The source gives texts that are too long to be kept.")))
        head = json.loads(self._take(size).decode("utf-8", "surrogatepass") or "{}")
        parts = [self._take(size) for size in head.get("sizes", [])]
        self._rows += head.get("rows", 0)
        if self._rows > self._limits.rows:
            raise SourceError(Sentence(_("The source gives more than %(most)s rows."), {"most": self._limits.rows}))
        return Frame(head, parts)

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
                says = _("Reading the source took longer than %(most)s s and was stopped.")
                raise TookTooLong(Sentence(says, {"most": _exact(self._limits.seconds)}))
            if now > self._sign:
                self._sign = now + SECONDS_BETWEEN_SIGNS
                self._alive()
            if self._selector.select(min(self._deadline, self._sign) - now):
                piece = os.read(self._descriptor, PIECE)
                self._bytes += len(piece)
                if self._bytes > self._limits.size:
                    says = _("The source gives more than %(most)s MiB.")
                    raise SourceError(Sentence(says, {"most": self._limits.size // 1024**2}))
                return piece


def _died(process: subprocess.Popen[bytes], limits: Limits) -> Exception:
    """Return why a process ended without an answer."""
    code = process.wait()
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")
    if code == -signal.SIGXCPU:
        says = _("Reading the source took more than %(most)s s of processor time and was stopped.")
        return TookTooLong(Sentence(says, {"most": _exact(limits.seconds)}))
    if code == -signal.SIGKILL or "MemoryError" in said:
        says = _("Reading the source takes more than %(most)s MiB of memory.")
        return SourceError(Sentence(says, {"most": limits.memory // 1024**2}))
    # Where it went wrong, without what it said: that may hold what the source holds.
    places = [line.strip() for line in said.splitlines() if line.startswith("  File ")]
    kind = said.strip().rsplit("\n", 1)[-1].partition(":")[0][:80]
    log.error("the process that reads sources ended with %s: %s; %s", code, kind, " > ".join(places[-8:]))
    return RuntimeError(f"the process that reads sources ended with {code}")


def _exact(seconds: float) -> Decimal:
    return Decimal(repr(seconds))
