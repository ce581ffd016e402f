"""run.py before the project: choosing an interpreter, making .venv once, saying what failed.

The packages are not installed for real: .venv's Python is a stand-in that notes how it is called.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running.starting import CHECKOUT, clean_environment

# Ends well unless called as pip while the file `fail` exists; every call of pip and of the project is noted.
STAND_IN = """#!/bin/sh
here=$(dirname "$0")/../..
case "$2" in
  pip) echo "pip $*" >> "$here/calls"; echo "what pip said"; sleep 0.5; [ ! -e "$here/fail" ] ;;
  kpiplatform.running) echo "handed over: $*" >> "$here/calls" ;;
esac
"""
OLD = """
import runpy, sys
sys.version_info = (3, 9, 2, "final", 0)
sys.argv = ["run.py", "demo"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with run.py and lock files, whose .venv is the stand-in."""
    (tmp_path / "run.py").write_bytes((CHECKOUT / "run.py").read_bytes())
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text(f"# {name}\n")
    executable(tmp_path / ".venv" / "bin" / "python", STAND_IN)
    return tmp_path


def executable(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)


def start(checkout: Path, *command: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "run.py", *command], cwd=checkout, stdout=pipe, stderr=pipe, text=True)


def calls(checkout: Path) -> list[str]:
    file = checkout / "calls"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def test_packages_are_installed_once_and_options_reach_the_command(checkout: Path) -> None:
    for _ in range(2):
        assert start(checkout, "demo", "--reset").wait() == 0
    assert calls(checkout) == ["pip", "handed", "handed"]
    assert (checkout / "calls").read_text().splitlines()[-1] == "handed over: -m kpiplatform.running demo --reset"


def test_a_changed_lock_file_is_installed_again(checkout: Path) -> None:
    assert start(checkout, "demo").wait() == 0
    (checkout / "requirements.txt").write_text("# another\n")
    assert start(checkout, "demo").wait() == 0
    assert calls(checkout) == ["pip", "handed", "pip", "handed"]


def test_the_packages_for_development_hold_those_of_the_demo(checkout: Path) -> None:
    assert start(checkout, "test").wait() == 0
    assert start(checkout, "demo").wait() == 0
    assert calls(checkout) == ["pip", "handed", "handed"]


def test_two_starts_at_once_install_once(checkout: Path) -> None:
    both = [start(checkout, "demo"), start(checkout, "demo")]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert calls(checkout).count("pip") == 1
    assert sum("Another process installs the packages" in text for text in said) == 1


def test_a_failed_installation_is_one_sentence_and_its_log_is_kept(checkout: Path) -> None:
    (checkout / "fail").touch()
    process = start(checkout, "demo")
    _, sentence = process.communicate()
    log = checkout / ".venv" / "install.log"
    assert process.returncode == 2
    assert sentence.strip() == (
        f"Installing packages failed (is a package registry reachable?); what it said is in {log}."
    )
    assert "what pip said" in log.read_text()
    (checkout / "fail").unlink()
    assert start(checkout, "demo").wait() == 0
    assert calls(checkout) == ["pip", "pip", "handed"]


def test_an_old_interpreter_without_a_newer_one_says_so(checkout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OLD],
        cwd=checkout,
        env=clean_environment(PATH=str(checkout)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "Python 3.12 or newer is needed; this is 3.9 and PATH has no newer one: install it and start again."
    )


def test_an_old_interpreter_hands_over_to_a_newer_one_that_really_runs(checkout: Path) -> None:
    executable(checkout / "path" / "python3.14", "#!/bin/sh\nexit 127\n")
    executable(checkout / "path" / "python3.13", '#!/bin/sh\n[ "$1" = -c ] || echo "continued as 3.13: $*"\n')
    environment = clean_environment(PATH=f"{checkout / 'path'}:{os.defpath}")
    done = subprocess.run(
        [sys.executable, "-c", OLD], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == f"continued as 3.13: {checkout / 'run.py'} demo"
    assert done.returncode == 0
