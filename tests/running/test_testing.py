"""`python3 run.py test` gives pytest real servers of its own and passes its answer on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.running.starting import CHECKOUT, clean_environment, eventually, run

LOOKS_AT_ITS_SERVERS = """
import os, pathlib, psycopg, redis

def test_servers():
    pathlib.Path(os.environ["NOTE"]).write_text(os.environ["KPI_HOME"])
    assert os.environ["KPI_ENV"] == "test"
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ  # or every process would compile all it imports
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert connection.execute("SELECT datlocprovider FROM pg_database WHERE datname = 'kpi'").fetchone() == ("b",)
    assert redis.from_url(os.environ["REDIS_URL"]).ping()

def test_fails():
    assert False
"""
WAITS_FOR_ITS_END = """
import os, pathlib, subprocess, time

def test_waits():
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    pathlib.Path(os.environ["NOTE"]).write_text(os.environ["KPI_HOME"])
    time.sleep(600)
"""


def processes_of(home: str) -> list[str]:
    """Return the processes that name this data folder in their command or environment."""
    marker, found = os.fsencode(home), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if marker in text:
            found.append(folder.name)
    return found


def test_pytest_gets_servers_of_its_own_and_its_answer_is_passed_on(tmp_path: Path) -> None:
    note, file = tmp_path / "note", tmp_path / "test_servers.py"
    file.write_text(LOOKS_AT_ITS_SERVERS)
    done = run("test", "-p", "no:cacheprovider", str(file), seconds=120, NOTE=str(note), PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout.strip().splitlines()[-1]
    assert done.stderr == ""
    home = note.read_text()
    assert not Path(home).exists()
    assert processes_of(home) == []


def test_killing_the_tests_leaves_no_process_behind(tmp_path: Path) -> None:
    note, file = tmp_path / "note", tmp_path / "test_waiting.py"
    file.write_text(WAITS_FOR_ITS_END)
    process = subprocess.Popen(
        [sys.executable, "run.py", "test", "-p", "no:cacheprovider", str(file)],
        cwd=CHECKOUT,
        env=clean_environment(NOTE=str(note)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    eventually(lambda: note.exists() and note.read_text(), seconds=120, what="a test that waits")
    assert len(processes_of(note.read_text())) >= 4
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    eventually(lambda: processes_of(note.read_text()) == [], seconds=30, what="the end of all processes")
    eventually(lambda: not Path(note.read_text()).exists(), seconds=10, what="the end of its data folder")
