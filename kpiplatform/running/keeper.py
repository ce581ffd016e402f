"""The frame of every command that starts servers: what the keeper prints and how it ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from django.core.exceptions import ImproperlyConfigured

from kpiplatform.running import guard
from kpiplatform.running.refusal import Refusal
from kpiplatform.running.supervisor import Stopping

REFUSED = 2


def say(text: str, end: str = "\n") -> None:
    """Print at once; a terminal that is gone is no reason to stop in the middle."""
    with contextlib.suppress(OSError, ValueError):
        print(text, end=end, flush=True)


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
