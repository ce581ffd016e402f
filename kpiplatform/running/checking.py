"""All that a machine can say about the code without running it: one line per step, and what failed in full."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kpiplatform.running.home import CHECKOUT
from kpiplatform.running.refusal import Refusal

AT_ONCE = 2
LONGEST_FILE = 400
SOURCES = ("*.py", "*.html", "*.css", "*.js")
NOT_OURS = {".venv", ".git", ".data", "vendor", "migrations", "node_modules"}

# What a production installation behind a proxy sets; nothing is connected to.
PRODUCTION = {
    "KPI_ENV": "production",
    "SECRET_KEY": "a-secret-for-this-check-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "kpi.example.org",
    "BASE_URL": "https://kpi.example.org",
    "KPI_BEHIND_PROXY": "1",
    "SMTP_URL": "smtp://mail.example.org:587?tls=starttls",
    "DEFAULT_FROM_EMAIL": "KPI platform <kpi@example.org>",
}
IMPORT_LINTER = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@dataclass(frozen=True, slots=True)
class Step:
    """One check: what Python runs, and in which kind of installation."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=lambda: {"KPI_ENV": "test"})


STEPS = (
    Step("ruff check", ("-m", "ruff", "check", ".")),
    Step("ruff format", ("-m", "ruff", "format", "--check", ".")),
    Step("types", ("-m", "mypy")),
    Step("import contracts", ("-c", IMPORT_LINTER)),
    Step("migrations complete", ("-W", "ignore", "manage.py", "makemigrations", "--check", "--dry-run")),
    Step("settings for production", ("manage.py", "check", "--deploy", "--fail-level", "WARNING"), PRODUCTION),
    Step("templates", ("-m", "djlint", "templates", "--lint", "--quiet")),
)


def check(options: list[str]) -> int:
    """Run every step and return 1 if one failed."""
    if options:
        raise Refusal("check takes no options.")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KPI_")}
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for step, (code, said, seconds) in zip(STEPS, pool.map(lambda step: _run(step, clean), STEPS), strict=True):
            failed += code != 0
            _report(step.name, ok=code == 0, seconds=seconds, said=said)
    long = [f"{path}: {lines} lines, at most {LONGEST_FILE}" for path, lines in _long_files()]
    failed += bool(long)
    _report("length of files", ok=not long, seconds=0.0, said="\n".join(long))
    return 1 if failed else 0


def _run(step: Step, clean: dict[str, str]) -> tuple[int, str, float]:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *step.arguments],
        cwd=CHECKOUT,
        env={**clean, **step.environment},
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, time.monotonic() - began


def _report(name: str, *, ok: bool, seconds: float, said: str) -> None:
    print(f"{'ok    ' if ok else 'FAILED'}  {name} ({seconds:.1f} s)", flush=True)
    if not ok:
        print("\n".join(f"        {line}" for line in said.rstrip().splitlines()), flush=True)


def _long_files() -> Iterator[tuple[str, int]]:
    for pattern in SOURCES:
        for path in sorted(CHECKOUT.rglob(pattern)):
            inside = path.relative_to(CHECKOUT)
            if not NOT_OURS.isdisjoint(inside.parts):
                continue
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LONGEST_FILE:
                yield str(inside), lines
