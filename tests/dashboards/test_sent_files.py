"""Spreadsheets are read apart from the web server, within bounds."""

from __future__ import annotations

import io
import subprocess
import zipfile
from dataclasses import replace
from datetime import date

import pytest

from kpiplatform.apart import asking
from kpiplatform.sent_files import reading
from kpiplatform.sent_files.reading import Cell, FileRefused, restored, sheets_of, stored
from tests.dashboards.spreadsheets import a_csv, a_workbook


def why(file: io.BytesIO, name: str = "list.xlsx") -> str:
    with pytest.raises(FileRefused) as refused:
        sheets_of(file, name)
    return str(refused.value)


def test_cells_keep_their_kind_and_every_sheet_its_name():
    file = a_workbook(["Name", None, 81.25, date(2026, 11, 9), True, " x "], Other=[["a"], [], ["b"]])
    sheets = sheets_of(file, "list.xlsx")
    assert sheets["Sheet"] == [
        [
            Cell("text", "Name"), None, Cell("number", "81.25"), Cell("day", "2026-11-09"), Cell("text", "yes"),
            Cell("text", "x"),
        ]
    ]  # fmt: skip
    assert [len(row) for row in sheets["Other"]] == [1, 0, 1]
    assert restored(stored(sheets)) == sheets


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_csv_file_is_read_by_the_mark_of_its_first_line(mark):
    text = f'Name{mark}Target\r\n"Bags{mark} late"{mark}1,5\r\n'.replace("1,5", "15" if mark == "," else "1,5")
    (rows,) = sheets_of(a_csv(text), "list.csv").values()
    assert [cell.text for row in rows for cell in row if cell] == [
        "Name", "Target", f"Bags{mark} late", "15" if mark == "," else "1,5",
    ]  # fmt: skip


def test_a_cell_loses_what_no_text_of_the_database_holds():
    (rows,) = sheets_of(io.BytesIO(b"Na\0me,\0\nBags,1\n"), "list.csv").values()
    assert rows[0] == [Cell("text", "Name")]


def test_what_is_no_spreadsheet_is_refused_with_a_sentence():
    assert "neither an Excel workbook" in why(io.BytesIO(b"x"), "list.pdf")
    assert "can't be read" in why(io.BytesIO(b"PK\x03\x04 not really"), "list.xlsx")
    assert "UTF-8" in why(io.BytesIO("Größe".encode("latin-1")), "list.csv")
    assert "more than 500 columns" in why(io.BytesIO(b"x," * 600), "list.csv")
    assert "more than 20000 rows" in why(io.BytesIO(b"x\n" * 20_001), "list.csv")


def test_a_file_that_is_too_large_is_not_even_read(monkeypatch):
    monkeypatch.setattr(reading, "SIZE_AT_MOST", 10)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert "larger than" in why(io.BytesIO(b"x" * 11), "list.csv")


def test_a_file_that_unpacks_to_too_much_is_refused():
    bomb = io.BytesIO()
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as part,
    ):
        for _ in range(101):
            part.write(b"0" * 1024**2)
    bomb.seek(0)
    assert "Unpacked, the file is larger than 100 MB" in why(bomb)


def test_a_process_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(asking, "COMMAND", ("sh", "-c", "sleep 20"))
    monkeypatch.setattr(reading, "BOUNDS", replace(reading.BOUNDS, seconds=0.1))
    # More than a pipe holds: who does not listen must not keep us waiting longer either.
    assert "was stopped" in why(io.BytesIO(b"x" * 200_000), "list.csv")


def test_a_file_that_eats_memory_ends_its_own_process(monkeypatch):
    monkeypatch.setattr(reading, "BOUNDS", replace(reading.BOUNDS, memory=80 * 1024**2))
    wide = io.BytesIO((b"x," * 300 + b"\n") * 10_000)
    assert "takes more than 80 MB of memory" in why(wide, "list.csv")


def test_a_process_that_dies_in_the_middle_is_a_file_that_can_not_be_read(monkeypatch):
    monkeypatch.setattr(asking, "COMMAND", ("sh", "-c", "printf '\\000\\000\\000\\377{'; exit 3"))
    assert "can't be read" in why(io.BytesIO(b"x"), "list.csv")
