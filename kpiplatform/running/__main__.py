"""`python -m kpiplatform.running demo|test|check|bench`: what run.py hands over to."""

from __future__ import annotations

import sys

from django.core.exceptions import ImproperlyConfigured

from kpiplatform.running.refusal import Refusal


def main(command: str, options: list[str]) -> int:
    """Run one command and return its exit code."""
    if command == "demo":
        from kpiplatform.running.demo import demo

        return demo(options)
    if command == "test":
        from kpiplatform.running.on_servers import test

        return test(options)
    if command == "bench":
        from kpiplatform.running.on_servers import bench

        return bench(options)
    if command == "check":
        from kpiplatform.running.checking import check

        return check(options)
    raise Refusal(f"{command!r} is unknown: demo, test, check or bench.")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]))
    except (Refusal, ImproperlyConfigured) as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(2)
