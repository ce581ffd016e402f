#!/usr/bin/env python3
"""Start here: `python3 run.py demo`. Makes .venv, installs the locked packages and hands over to the project.

Standard library only, in a syntax that old interpreters read too: they must be able to say that they are too old.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
LOG = os.path.join(VENV, "install.log")
OLDEST = (3, 12)
IS_NEW_ENOUGH = f"import sys; sys.exit(sys.version_info < {OLDEST})"
COMMANDS = {
    "demo": "requirements.txt",
    "test": "requirements-dev.txt",
    "check": "requirements-dev.txt",
    "bench": "requirements-dev.txt",
}
USAGE = """Usage: python3 run.py COMMAND [options]

  demo    start everything with the sample organisation; --reset starts over; PORT and KPI_HOME choose port and folder
  test    run the tests on real servers; options go to pytest
  check   run linters, types, import contracts and deployment checks
  bench   measure against the reference load; options go to the benchmark
  lock    write requirements*.txt anew from pyproject.toml (for developers, needs uv); options go to uv"""


def main():
    """Run the command named on the command line."""
    command, options = (sys.argv[1:] or [""])[0], sys.argv[2:]
    if command in {"-h", "--help", "help"}:
        print(USAGE)
    elif command == "lock":
        lock(options)
    elif command not in COMMANDS:
        refuse(USAGE)
    else:
        if sys.version_info < OLDEST:
            restart_with_newer_python()
        install(COMMANDS[command])
        if os.environ.get("KPI_HOME"):  # relative to where the person stands, not to the project
            os.environ["KPI_HOME"] = os.path.abspath(os.path.expanduser(os.environ["KPI_HOME"]))
        # Where this is set, each of our many processes would compile all it imports: half of its start.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.chdir(ROOT)
        os.execv(PYTHON, [PYTHON, "-m", "kpiplatform.running", command, *options])


def refuse(sentence):
    """Say why nothing was started."""
    print(sentence, file=sys.stderr)
    sys.exit(2)


def restart_with_newer_python():
    """Continue in the first newer interpreter on PATH that really runs."""
    for name in ("python3.14", "python3.13", "python3.12"):
        path = shutil.which(name)
        if path and succeeds([path, "-c", IS_NEW_ENOUGH]):
            os.execv(path, [path, os.path.abspath(__file__), *sys.argv[1:]])
    this, oldest = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST))
    refuse(f"Python {oldest} or newer is needed; this is {this} and PATH has no newer one: install it and start again.")


def install(requirements):
    """Make .venv hold exactly the packages of the lock file; a second process waits for the first."""
    import fcntl

    try:
        os.makedirs(VENV, exist_ok=True)
        with open(os.path.abspath(__file__), "rb") as turn:
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another process installs the packages; waiting for it ...", flush=True)
                fcntl.flock(turn, fcntl.LOCK_EX)
            works = succeeds([PYTHON, "-c", IS_NEW_ENOUGH])
            if works and installed(requirements) == checksum(requirements):
                return
            # From here until pip is done .venv is neither the old nor the new state.
            for name in os.listdir(VENV):
                if not works or name.endswith(".installed"):
                    remove(os.path.join(VENV, name))
            if not works:
                quietly("Preparing .venv", [sys.executable, "-m", "venv", VENV], "is the package python3-venv missing?")
            pip = [PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile"]
            quietly("Installing packages", [*pip, "--no-deps", "-r", requirements], "is a package registry reachable?")
            for name in {requirements, "requirements.txt"}:  # the development lock holds the pins of the other one too
                with open(os.path.join(VENV, f"{name}.installed"), "w") as stamp:
                    stamp.write(checksum(name))
    except OSError as error:
        refuse(f"The packages can't be installed into {VENV}: {error.strerror or error}.")


def checksum(requirements):
    """Return what identifies the content of a lock file."""
    with open(os.path.join(ROOT, requirements), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def installed(requirements):
    """Return the checksum of the lock file that .venv was made from, or nothing."""
    try:
        with open(os.path.join(VENV, f"{requirements}.installed")) as stamp:
            return stamp.read()
    except FileNotFoundError:
        return ""


def remove(path):
    """Delete a file, a link or a folder with all it holds."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


def quietly(title, command, hint):
    """Run a command with its output in the log and the elapsed time on one line."""
    started = time.monotonic()
    live = sys.stdout.isatty()
    print(f"{title} ...", end="" if live else "\n", flush=True)
    with open(LOG, "ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if live:
                    print(f"\r{title} ... {time.monotonic() - started:.0f} s", end="", flush=True)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            refuse("\nStopped while installing; the next start goes on from here.")
    if live:
        print()
    if process.returncode:
        refuse(f"{title} failed ({hint}); what it said is in {LOG}.")


def succeeds(command):
    """Tell whether a command exists and ends well."""
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def lock(options):
    """Compile both lock files: one universal resolution, with hashes, naming no host."""
    uv = shutil.which("uv") or refuse("The lock files are written by uv, which is not on PATH.")
    base = [uv, "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.12", "--quiet"]
    base += ["--generate-hashes", "--no-emit-index-url", "--custom-compile-command", "python3 run.py lock"]
    development = ["--group", "dev", "-c", "requirements.txt", "-o", "requirements-dev.txt"]
    for target in (["-o", "requirements.txt"], development):
        if subprocess.call([*base, *target, *options], cwd=ROOT):
            refuse("uv found no set of packages that fits; the lock file it was to write is unchanged.")


if __name__ == "__main__":
    main()
