"""`python3 run.py demo` from start to every kind of end; a demo that a test has ended is started by the next one."""

from __future__ import annotations

import os
import signal
import urllib.request

import psycopg

from tests.running.starting import STOP_SECONDS, Demo, eventually, run


def test_the_demo_serves_its_pages_and_names_one_sample_person_per_role(demo: Demo) -> None:
    assert demo.health() == 200
    with urllib.request.urlopen(f"http://localhost:{demo.port}/", timeout=10) as page:
        assert page.url.startswith(f"http://localhost:{demo.port}/accounts/login/")
    for role in ("executive", "manager", "owner"):
        assert role in demo.printed
    assert f"http://localhost:{demo.port}" in demo.printed


def test_it_runs_servers_web_worker_beat_and_mailbox(demo: Demo) -> None:
    commands = " ".join(demo.processes().values())
    for part in ("postgres", "valkey-server", "gunicorn", "celery -A kpiplatform worker", "beat", "mailbox_sink"):
        assert part in commands


def test_its_secrets_are_for_its_user_only(demo: Demo) -> None:
    for name in ("secret", "environment"):
        assert (demo.home / name).stat().st_mode & 0o077 == 0


def test_a_second_start_says_where_the_first_one_is(demo: Demo) -> None:
    second = run("demo", KPI_HOME=str(demo.home), PORT="1")
    assert second.returncode == 2
    where = f"at http://localhost:{demo.port}, pid {demo.process.pid} (data in {demo.home})"
    assert second.stderr.strip() == f"The platform is already running {where}."
    assert demo.health() == 200


def test_a_killed_web_server_is_started_again_and_this_is_said(demo: Demo) -> None:
    killed = demo.pid_of("gunicorn")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: "web ended (SIGKILL); starting it again" in demo.printed, seconds=5, what="the sentence")
    eventually(lambda: demo.health() == 200, seconds=30, what="a health page")
    assert killed not in demo.processes()


def test_ctrl_c_stops_everything_and_the_next_start_takes_seconds(demo: Demo) -> None:
    assert demo.stop() == 0
    assert demo.processes() == {}
    assert "stopped. The next start goes on from here." in demo.printed
    demo.start()
    assert "sample organisation ..." not in demo.printed  # nothing is prepared twice


def test_killing_the_command_leaves_no_process_behind_and_loses_nothing(demo: Demo) -> None:
    with psycopg.connect(demo.database_url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (4711)")
    os.kill(demo.process.pid, signal.SIGKILL)
    demo.process.wait()
    eventually(lambda: not demo.processes(), seconds=STOP_SECONDS, what="the end of all processes")
    demo.start()
    with psycopg.connect(demo.database_url()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(4711,)]
        connection.execute("DROP TABLE kept")


def test_killing_the_supervisor_leaves_no_process_behind(demo: Demo) -> None:
    os.kill(supervisor_of(demo), signal.SIGKILL)
    assert demo.process.wait(STOP_SECONDS) != 0
    assert demo.processes() == {}


def test_killing_command_and_supervisor_at_once_leaves_no_process_behind(demo: Demo) -> None:
    for pid in (supervisor_of(demo), demo.process.pid):
        os.kill(pid, signal.SIGKILL)
    demo.process.wait()
    eventually(lambda: not demo.processes(), seconds=STOP_SECONDS, what="the end of all processes")


def supervisor_of(demo: Demo) -> int:
    """Return the child of the command that is the parent of all others."""
    children = [pid for pid in demo.processes() if parent_of(pid) == demo.process.pid]
    assert len(children) == 1
    return children[0]


def parent_of(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])
