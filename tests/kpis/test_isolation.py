"""The process that reads a source: what it costs is bounded from outside, and it knows nothing of ours."""

from __future__ import annotations

import io
import ssl
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kpiplatform.apart import asking, child
from kpiplatform.apart.child import CHECKOUT
from kpis.sources.base import Kind, SourceError, Window
from kpis.sources.source import source_of
from tests.kpis.reading import a_place
from tests.kpis.web_server import HERE, Answer, serving

COLUMNS = frozenset({("minutes", Kind.NUMBER), ("airport", Kind.TEXT)})
WINDOW = Window(since=date(2026, 11, 1), until=date(2026, 11, 22))
MIB = 1024 * 1024


def refused(kind: str, config: dict[str, Any], folder: Path, **limits: Any) -> str:
    place = a_place(folder, **limits)
    with pytest.raises(SourceError) as error:
        source_of(kind=kind, config={"date_column": "day", **config}, place=place).fetch(window=WINDOW, columns=COLUMNS)
    return str(error.value)


def test_rows_come_through_whole_with_gaps_new_texts_and_refusals(tmp_path: Path) -> None:
    lines = [
        f"2026-11-{day:02d},A{number},{number if number % 3 else ''}" for day in (3, 2) for number in range(15_000)
    ]
    (tmp_path / "flights.csv").write_text("\n".join(["day,airport,minutes", *lines, "2026-11-04,Zürich,1.5", "x,y,z"]))
    source = source_of(kind="csv_file", config={"path": "flights.csv", "date_column": "day"}, place=a_place(tmp_path))
    rows = source.fetch(window=WINDOW, columns=COLUMNS)
    assert (len(rows), rows.read, [refusal.line for refusal in rows.refusals]) == (30_001, 30_002, [30_003])
    assert rows.column("minutes").isna().sum() == 10_000
    assert rows.column("minutes").sum() == 2 * sum(n for n in range(15_000) if n % 3) + 1.5
    assert rows.column("airport").tolist() == [*(f"A{n}" for n in range(15_000))] * 2 + ["Zürich"]
    assert (rows.lines[0], rows.lines[-1]) == (15_002, 30_002)


def test_what_no_text_of_the_database_holds_does_not_come_out_of_the_process(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes(b"day,airport,minutes\n2026-11-02,Z\0R\\u0000,1\n2026-11-03,\0,2\n")
    source = source_of(kind="csv_file", config={"path": "odd.csv", "date_column": "day"}, place=a_place(tmp_path))
    rows = source.fetch(window=WINDOW, columns=COLUMNS)
    assert rows.column("airport").tolist() == ["ZR\\u0000", ""]
    sent = io.BytesIO()
    child.write(sent, {"name": "half \ud800 of one"})
    assert b"half ? of one" in sent.getvalue()


def test_a_workbook_that_unpacks_to_more_than_allowed_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet1.xml", b"0" * 20 * MIB)
    assert (tmp_path / "bomb.xlsx").stat().st_size < MIB
    said = refused("xlsx_file", {"path": "bomb.xlsx"}, tmp_path, size=10 * MIB)
    assert said == "bomb.xlsx unpacks to more than 10 MiB."


def test_a_file_that_eats_memory_ends_its_own_process_and_the_worker_goes_on(tmp_path: Path) -> None:
    with (tmp_path / "flights.csv").open("w") as file:
        file.write("day,airport,minutes\n")
        file.writelines(f"2026-11-02,{number:0>2000},1\n" for number in range(30_000))
    said = refused("csv_file", {"path": "flights.csv"}, tmp_path, memory=80 * MIB)
    assert said.startswith("Reading the source takes more than 80 MiB of memory")


def test_a_server_that_hangs_is_killed_from_outside_after_the_time_it_has() -> None:
    place = a_place(Path("/nowhere"), allow=HERE, seconds=0.4)
    config = {"url": "", "date_column": "day", "origin": "url"}
    # It drips so slowly that no single wait is too long.
    with serving(lambda path: Answer(b"day,airport,minutes\n" * 99, slow=0.01)) as server:
        config["url"] = server.url
        source = source_of(kind="csv_file", config=config, place=place)
        with pytest.raises(SourceError, match=r"took (longer than 0.4 s and was stopped|too long to answer)"):
            source.fetch(window=WINDOW, columns=COLUMNS)


def test_a_file_with_more_bytes_than_allowed_is_not_opened(tmp_path: Path) -> None:
    lines = [f"2026-11-02,{'x' * 50}{number},1" for number in range(20_000)]
    (tmp_path / "flights.csv").write_text("\n".join(["day,airport,minutes", *lines]))
    assert refused("csv_file", {"path": "flights.csv"}, tmp_path, size=MIB) == "flights.csv has more than 1 MiB."


TELL_ENVIRONMENT = """
import json, os, struct, sys
sys.stdin.read()
text = json.dumps({"refused": {"says": " ".join(sorted(os.environ))}, "refusals": [], "read": 0}).encode()
sys.stdout.buffer.write(struct.pack(">I", len(text)) + text)
"""


def test_the_process_has_nothing_of_our_environment(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.setattr(asking, "COMMAND", (sys.executable, "-E", "-s", "-c", TELL_ENVIRONMENT))
    told = refused("csv_file", {"path": "flights.csv"}, tmp_path).split()
    ours = {"PATH", "LC_ALL", "LC_CTYPE", "PYTHONDONTWRITEBYTECODE", "OPENBLAS_NUM_THREADS"}
    assert set(told) - ours <= {"SSL_CERT_FILE", "SSL_CERT_DIR"}


def test_the_process_knows_where_this_machine_keeps_the_authorities_it_trusts() -> None:
    trusted = ssl.get_default_verify_paths()
    told = [asking.ENVIRONMENT.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")]
    assert told == [trusted.cafile, trusted.capath]
    assert any(told)


WARN_A_LOT = TELL_ENVIRONMENT.replace(
    "sys.stdin.read()", "sys.stdin.read(); print('careful ' * 2**18, file=sys.stderr)"
)


def test_a_process_that_warns_more_than_a_pipe_holds_still_answers(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(asking, "COMMAND", (sys.executable, "-E", "-s", "-c", WARN_A_LOT))
    assert "PATH" in refused("csv_file", {"path": "flights.csv"}, tmp_path, seconds=10)


def test_the_process_loads_neither_django_nor_pandas() -> None:
    script = "import sys, kpis.sources.child; print(sorted({'django', 'pandas', 'numpy', 'celery'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, check=True)
    assert told.stdout == b"[]\n"


def test_a_process_that_dies_in_the_middle_is_an_error_of_the_platform_that_repeats_no_cell(
    tmp_path: Path, monkeypatch: Any, caplog: Any
) -> None:
    script = "raise ValueError('cell with a secret')"
    monkeypatch.setattr(asking, "COMMAND", (sys.executable, "-c", script))
    (tmp_path / "flights.csv").write_text("day\n")
    with pytest.raises(RuntimeError, match=r"^a process that works apart ended with 1$"):
        source_of(kind="csv_file", config={"path": "flights.csv", "date_column": "day"}, place=a_place(tmp_path)).fetch(
            window=WINDOW, columns=COLUMNS
        )
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


def test_an_archive_that_is_no_workbook_and_a_text_that_is_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("day,airport,minutes\n")
    assert refused("xlsx_file", {"path": "text.xlsx"}, tmp_path) == "text.xlsx is no Excel workbook (.xlsx)."
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "hello")
    (tmp_path / "archive.xlsx").write_bytes(archive.getvalue())
    said = refused("xlsx_file", {"path": "archive.xlsx"}, tmp_path)
    assert said.startswith("archive.xlsx is no readable workbook")
