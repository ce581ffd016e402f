"""All processes of a run die together, whoever is killed first and however.

Two processes watch each other. The *front* is the command that the person started; it holds one end of a pipe. The
*keeper*, its child, starts and watches everything else. When the front is gone the pipe closes and the keeper stops
all; when the keeper is gone the front does. Both adopt orphans (Linux), so a grandchild whose parent was killed is
found as well. If both are killed at once, the kernel tells every child of the keeper: see `dying_with_parent`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NOT_FOR_KEEPER = (signal.SIGINT, signal.SIGHUP, signal.SIGTTOU)
CRASHED = 70
SECONDS_AFTER_KEEPER = 8  # PostgreSQL writes its last checkpoint in that time

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def run_together(body: Callable[[int], int]) -> int:
    """Run `body(lifeline)` in a keeper process and return its exit code; nothing it started outlives the two.

    The lifeline is a file descriptor that reads as closed once this process is gone. SIGINT, SIGTERM and SIGHUP of
    this process reach the keeper as SIGTERM.
    """
    adopt_orphans()
    lifeline, held_by_front = os.pipe()
    sys.stdout.flush()
    keeper = os.fork()
    if keeper == 0:
        os.close(held_by_front)
        os.setpgid(0, 0)  # Ctrl-C is the front's to hear, which tells us once
        for number in NOT_FOR_KEEPER:
            signal.signal(number, signal.SIG_IGN)
        adopt_orphans()
        code = CRASHED
        try:
            code = body(lifeline)
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            os._exit(code)
    os.close(lifeline)

    def pass_on(number: int, frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == keeper:
            break
    if os.WIFSIGNALED(status):
        sweep(patience=SECONDS_AFTER_KEEPER)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def adopt_orphans() -> None:
    """Become the parent of every descendant whose parent dies."""
    if _libc:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def dying_with_parent(number: signal.Signals, *, on_terminal: bool = False) -> Callable[[], None]:
    """Return what a child does before it starts its program: ask the kernel for `number` when the keeper dies.

    A child `on_terminal` joins the front's process group: there it may read, and hears Ctrl-C itself.
    """
    keeper = os.getpid()
    foreground = os.getpgid(os.getppid())

    def prepare() -> None:
        for ignored in NOT_FOR_KEEPER:
            signal.signal(ignored, signal.SIG_DFL)
        if on_terminal:
            with contextlib.suppress(OSError):
                os.setpgid(0, foreground)
        if _libc:
            _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)  # the keeper died before the kernel was asked

    return prepare


def sweep(*, patience: float = 0.0) -> None:
    """Wait `patience` seconds for all remaining children and adopted orphans to end, then kill and reap them."""
    deadline = time.monotonic() + patience
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.monotonic() >= deadline:
                for child in children():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
            time.sleep(0.02)


def children() -> Iterator[int]:
    """Yield the processes whose parent is this one (Linux; elsewhere none, process groups must do)."""
    this = str(os.getpid())
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, _, rest = entry.read_text().partition(" ")
            if rest.rpartition(")")[2].split()[1] == this:
                yield int(pid)
