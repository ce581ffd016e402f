"""What can't work is told in one sentence, with exit code 2, before anything is started."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running.starting import free_port, run, temporary_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as made:
        yield made


def refused(*command: str, **settings: str) -> str:
    """Run a command that must be refused and return its one sentence."""
    done = run(*command, **settings)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_a_port_in_use(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = refused("demo", KPI_HOME=str(folder / "home"), PORT=str(port))
    assert sentence == f"Port {port} can't be used (Address already in use): choose another one in PORT."


def test_a_port_that_is_none(folder: Path) -> None:
    assert refused("demo", KPI_HOME=str(folder / "home"), PORT="web") == "PORT='web' is not a whole number."
    assert not (folder / "home").exists()


def test_a_data_folder_that_is_a_file(folder: Path) -> None:
    (folder / "file").write_text("")
    assert "can't be used" in refused("demo", KPI_HOME=str(folder / "file"), PORT=str(free_port()))


def test_a_data_folder_inside_a_file(folder: Path) -> None:
    (folder / "file").write_text("")
    assert "can't be used (Not a directory)" in refused("demo", KPI_HOME=str(folder / "file" / "home"))


def test_a_data_folder_that_the_servers_account_cannot_reach(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    home = folder / "closed" / "home"
    if os.geteuid() == 0:
        expected = f"({folder / 'closed'} is closed to it)"
    else:
        (folder / "closed").chmod(0o500)
        expected = "can't be used (Permission denied)"
    assert expected in refused("demo", KPI_HOME=str(home), PORT=str(free_port()))


@pytest.mark.parametrize("options", [[], ["--reset"]])
def test_a_folder_with_something_else_in_it_is_left_alone(folder: Path, options: list[str]) -> None:
    (folder / "thesis.txt").write_text("years of work")
    sentence = refused("demo", *options, KPI_HOME=str(folder), PORT=str(free_port()))
    assert "holds thesis.txt" in sentence
    assert [item.name for item in folder.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("KPI_POSTGRES_BIN", "/nonexistent", "KPI_POSTGRES_BIN: /nonexistent/postgres can't be run"),
        ("KPI_VALKEY_BIN", "/dev/null", "KPI_VALKEY_BIN: /dev/null can't be run"),
    ],
)
def test_servers_that_are_not_there(folder: Path, setting: str, value: str, problem: str) -> None:
    assert problem in refused("demo", **{"KPI_HOME": str(folder / "home"), "PORT": str(free_port()), setting: value})


def test_a_server_account_that_is_not_there(folder: Path) -> None:
    home = {"KPI_HOME": str(folder / "home"), "PORT": str(free_port())}
    if os.geteuid() == 0:
        assert "is no account of this machine" in refused("demo", KPI_SERVER_USER="nobody-by-this-name", **home)
        assert "must not be root" in refused("demo", KPI_SERVER_USER="root", **home)
    else:  # the setting is root's: for others the servers run as themselves
        assert "KPI_POSTGRES_BIN" in refused(
            "demo", KPI_SERVER_USER="nobody-by-this-name", KPI_POSTGRES_BIN="/nonexistent", **home
        )


def test_a_command_that_does_not_exist() -> None:
    done = run("dance")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: python3 run.py COMMAND")
