"""A bar on stderr: rewritten in a terminal, a line per step elsewhere."""

from __future__ import annotations

import sys
import time

WIDTH = 24


class Progress:
    """How many of the steps are done, and what is being done now."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done = max(steps, 1), 0
        self._began = time.monotonic()
        self._live = sys.stderr.isatty()
        self._step = ""

    def step(self, name: str) -> None:
        """Begin a step; the one before is done."""
        self.done += bool(self._step)
        self._step = name
        self._print(name, always=True)

    def say(self, what: str) -> None:
        """Say what is being done within the step."""
        self._print(what, always=False)

    def finish(self) -> None:
        """Fill the bar."""
        self.done = self.steps
        self._print("done", always=True)
        if self._live:
            print(file=sys.stderr)

    def _print(self, what: str, *, always: bool) -> None:
        filled = WIDTH * self.done // self.steps
        bar = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {time.monotonic() - self._began:4.0f} s  {what}"
        if self._live:
            print(f"\r\033[K{bar[:110]}", end="", file=sys.stderr, flush=True)
        elif always:
            print(bar, file=sys.stderr, flush=True)
