"""`python -m benchmarks`: build the reference load in a database of its own, measure, print the table of ratios."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.database import DatabaseInUse, own_database
from benchmarks.progress import Progress

SIZES = (1000, 10_000, 100_000)
SMALLEST = 50


def main(arguments: list[str]) -> int:
    """Run the benchmark and return 0, or 1 if a case did not do what it should, 2 if nothing was measured."""
    options = _options(arguments)
    os.environ.setdefault("KPI_ENV", "test")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kpiplatform.settings")
    try:
        url = os.environ.get("DATABASE_URL", "postgresql://kpi@localhost/kpi")
        with own_database(url, template=options.template):
            import django

            django.setup()
            return _measure(options)
    except (DatabaseInUse, psycopg.OperationalError) as error:
        print(f"The benchmark needs a PostgreSQL in which it may create a database: {error}", file=sys.stderr)
        return 2


def _measure(options: argparse.Namespace) -> int:
    from django.core.management import call_command
    from django.db import connections

    from benchmarks.cases import chosen_cases
    from benchmarks.load import build_definitions, build_values
    from benchmarks.measuring import CheckFailed, Rounds
    from benchmarks.report import save, table

    try:
        cases = chosen_cases(options.only)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    at = datetime.now(UTC)
    progress = Progress(len(cases) + 2)
    results, failures = [], []
    try:
        progress.step("tables and definitions")
        call_command("migrate", interactive=False, verbosity=0)
        load = build_definitions(size=options.size, now=at)
        has_values = False
        for case in cases:
            if case.on_values and not has_values:
                progress.step("reference load")
                build_values(load, progress)
                has_values = True
            progress.step(case.name)
            try:
                results += case.run(load, Rounds(options.repeat, progress))
            except Exception as failure:  # the other cases still say something
                if not isinstance(failure, CheckFailed):
                    logging.getLogger(__name__).exception("the case %s stopped", case.name)
                failures.append(f"{case.name} FAILED: {failure}")
        progress.finish()
        if results:
            path = save(results, size=options.size, at=at, folder=options.results)
            print(table(results))
            print(f"Every time is in {path}.")
    finally:
        connections.close_all()
    print("\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    return 1 if failures else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py bench", description="Measure the platform against what the machine could do at best."
    )
    parser.add_argument(
        "--size", type=_at_least(SMALLEST), default=SIZES[0], help=f"KPIs: {', '.join(map(str, SIZES))} or any other"
    )
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=[], metavar="NAME,…", help="run only these cases"
    )
    parser.add_argument("--repeat", type=_at_least(1), default=3, help="alternations of limit and product, 3 at least")
    parser.add_argument(
        "--template", default="template1", metavar="DATABASE", help="copy this one, which may have its tables already"
    )
    parser.add_argument("--results", type=Path, default=Path("bench-results"), help="folder for the times as JSON")
    return parser.parse_args(arguments)


def _at_least(least: int):
    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"a whole number of {least} or more")
        return int(text)

    return whole


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
