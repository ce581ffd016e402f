"""The table of ratios, and the same as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median

from django.db import connection

from benchmarks.measuring import Result

CHECKOUT = Path(__file__).resolve().parent.parent
HEADINGS = ("case", "compared with", "limit", "product", "ratio", "spread", "reach", "")


def table(results: Sequence[Result]) -> str:
    """Return the results as a table for a terminal."""
    lines = [HEADINGS, *(_cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "  ".join("-" * width for width in widths), *text[1:]])


def save(results: Sequence[Result], *, size: int, at: datetime, folder: Path) -> Path:
    """Write every single time to a new file in `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{at:%Y%m%d-%H%M%S}-{size}.json"
    rows = [
        {
            "case": result.case,
            "versus": result.versus,
            "reach": result.reach,
            "ratio": result.ratio,
            "spread": result.spread,
            "verdict": result.verdict,
            "note": result.note,
            "product": result.product,
            "limit": result.limit,
        }
        for result in results
    ]
    path.write_text(json.dumps({"at": at.isoformat(), "size": size, "on": _machine(), "results": rows}, indent=1))
    return path


def _cells(result: Result) -> tuple[str, ...]:
    low, high = result.spread
    case = f"{result.case} ({result.note})" if result.note else result.case
    return (
        case,
        result.versus,
        _amount(median(result.limit), result.unit),
        _amount(median(result.product), result.unit),
        f"{result.ratio:.2f}",
        f"{low:.2f}–{high:.2f}",
        f"≤ {result.reach:g}",
        result.verdict,
    )


def _amount(amount: float, unit: str) -> str:
    if unit != "s":
        return f"{amount:g} {unit}"
    return f"{amount:.2f} s" if amount >= 1 else f"{amount * 1000:.1f} ms"


def _machine() -> dict[str, object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=CHECKOUT, check=False, capture_output=True, text=True
    ).stdout.strip()
    return {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "postgresql": version,
        "fsync": fsync,
        "commit": commit,
    }
