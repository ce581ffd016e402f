"""The frame of every command that starts servers: what the keeper prints and how it ends."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from django.core.exceptions import ImproperlyConfigured

from kpiplatform.running import guard
from kpiplatform.running.refusal import Refusal
from kpiplatform.running.supervisor import Stopping

REFUSED = 2


def say(text: str, end: str = "\n") -> None:
    """Print at once; a terminal that is gone is no reason to stop in the middle."""
    with contextlib.suppress(OSError, ValueError):
        print(text, end=end, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, and how long it took once it is."""
    began = time.monotonic()
    say(f"  {title} ...", end="")
    try:
        yield
    except BaseException:
        say("")
        raise
    say(f" {time.monotonic() - began:.1f} s")


def keep(work: Callable[[int], int]) -> int:
    """Run `work(lifeline)` in a keeper; a refusal becomes one sentence and exit code 2."""

    def body(lifeline: int) -> int:
        try:
            return work(lifeline)
        except Stopping:
            return 0
        except (Refusal, ImproperlyConfigured) as refusal:
            with contextlib.suppress(OSError, ValueError):
                print(refusal, file=sys.stderr, flush=True)
            return REFUSED

    return guard.run_together(body)
