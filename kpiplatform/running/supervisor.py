"""Starting, watching, restarting and stopping the processes of one run. Lives in the keeper (see guard.py)."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpiplatform.running import guard
from kpiplatform.running.account import Account
from kpiplatform.running.refusal import Refusal

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
GOOD_RUN = 60.0  # seconds after which the next crash counts as the first again
LARGEST_LOG = 10_000_000

Stage = int  # programs stop from the highest stage to the lowest, those of one stage together
SERVERS, HELPERS, APPLICATION = 0, 1, 2


class Stopping(Exception):
    """The person or the death of the front asked to stop; unwinds whatever was being waited for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """What to run and how it wants to be stopped: signals from gentle to harsh, with the seconds each is given."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None  # None: the terminal
    output: Path | None = None  # where standard output goes instead of the log, written anew
    stage: Stage = APPLICATION
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 4.0),)
    may_lose: bool = True  # when the front was killed: may be killed at once too, nothing depends on a clean end
    restarts: bool = True
    account: Account | None = None
    sockets: Sequence[int] = ()
    folder: Path | None = None


@dataclass(eq=False)
class Running:
    """One program's present process."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    code: int | None = None
    pause: float = FIRST_PAUSE
    restart_at: float | None = None

    @property
    def alive(self) -> bool:
        return self.code is None


@dataclass(eq=False)
class Supervisor:
    """The programs of one run. Single-threaded: everything happens inside `turn`."""

    lifeline: int
    say: Callable[[str], None]
    front_is_gone: bool = False
    asked: int = 0
    afterwards: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)  # done once nothing runs any more
    _all: dict[str, Running] = field(default_factory=dict)
    _wakeup: int = -1

    def __post_init__(self) -> None:
        self._wakeup, write = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _ask(self, number: int, frame: object) -> None:
        self.asked += 1

    # --- starting -------------------------------------------------------------------------

    def start(self, program: Program) -> None:
        """Start a program, or start it again."""
        process, now = _spawn(program), time.monotonic()
        earlier = self._all.get(program.name)
        self._all[program.name] = Running(program, process, now, pause=earlier.pause if earlier else FIRST_PAUSE)

    def run(self, program: Program) -> int:
        """Run a program to its end and return its exit code."""
        self.start(program)
        return self.wait_for(program)

    def wait_for(self, program: Program) -> int:
        """Return the exit code of a program that ends by itself, once it has."""
        running = self._all[program.name]
        while running.code is None:
            self.turn()
        return running.code

    def until(self, condition: Callable[[], bool], *, seconds: float, of: Program) -> None:
        """Wait until `condition` holds; a program that ends or takes longer is refused with the end of its log."""
        deadline = time.monotonic() + seconds
        while not condition():
            if not self._all[of.name].alive:
                raise Refusal(f"{of.name} did not start; {of.log} ends with:\n{_tail(of.log)}")
            if time.monotonic() > deadline:
                raise Refusal(f"{of.name} was not ready within {seconds:.0f} s; {of.log} ends with:\n{_tail(of.log)}")
            self.turn(0.05)

    # --- watching -------------------------------------------------------------------------

    def watch(self) -> None:
        """Keep everything running until asked to stop."""
        while True:
            self.turn()

    def turn(self, seconds: float = 1.0) -> None:
        """Let one moment pass: note who ended, restart who may; raises Stopping when asked to stop."""
        due = [running.restart_at for running in self._all.values() if running.restart_at is not None]
        self._sleep(max(0.0, min([seconds, *(moment - time.monotonic() for moment in due)])))
        if self.asked or self.front_is_gone:
            raise Stopping
        for running in self._reap():
            self._plan_restart(running)
        for running in list(self._all.values()):
            if running.restart_at is not None and running.restart_at <= time.monotonic():
                self.start(running.program)

    def _sleep(self, seconds: float) -> None:
        watched = [self._wakeup] if self.front_is_gone else [self._wakeup, self.lifeline]
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._wakeup in ready:
            os.read(self._wakeup, 4096)
        if self.lifeline in ready:
            self.front_is_gone = True

    def _reap(self) -> list[Running]:
        ended = []
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                for running in self._all.values():
                    if running.alive and running.process.pid == found[0]:
                        running.code = running.process.returncode = os.waitstatus_to_exitcode(found[1])
                        ended.append(running)
        return ended

    def _plan_restart(self, running: Running) -> None:
        program, code = running.program, running.code or 0
        if not program.restarts:
            return
        _signal_group(running, signal.SIGKILL)  # what it left behind must not live beside the new one
        if time.monotonic() - running.started > GOOD_RUN:
            running.pause = FIRST_PAUSE
        running.restart_at = time.monotonic() + running.pause
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        self.say(f"{program.name} ended ({how}); starting it again in {running.pause:.0f} s. Log: {program.log}")
        running.pause = min(running.pause * 2, LONGEST_PAUSE)

    # --- stopping -------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop everything, the application before its servers; nobody and no orphan is left when this returns."""
        for stage in sorted({running.program.stage for running in self._all.values()}, reverse=True):
            members = [running for running in self._all.values() if running.program.stage == stage]
            self._stop_together(members)
        guard.sweep()
        self.afterwards.close()

    def _stop_together(self, members: list[Running]) -> None:
        plans = {}
        for running in members:
            running.restart_at = None
            at_once = running.program.may_lose and (self.front_is_gone or self.asked > 1)
            plans[running] = [] if at_once else list(running.program.stop)
        next_step = dict.fromkeys(members, 0.0)
        while any(running.alive for running in members):
            for running in members:
                if running.alive and time.monotonic() >= next_step[running]:
                    number, patience = plans[running].pop(0) if plans[running] else (signal.SIGKILL, 1.0)
                    if number == signal.SIGKILL:
                        _signal_group(running, number)
                    else:
                        running.process.send_signal(number)
                    next_step[running] = time.monotonic() + patience
            self._sleep(0.05)
            self._reap()
            if self.asked > 1 or self.front_is_gone:  # a second Ctrl-C, or nobody is there to wait
                for running in members:
                    if running.program.may_lose and plans[running]:
                        plans[running], next_step[running] = [], 0.0


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    account = program.account
    with contextlib.ExitStack() as files:
        log = None
        if program.log:
            _rotate(program.log)
            log = files.enter_context(program.log.open("ab"))
        last_word = signal.SIGKILL if program.may_lose else program.stop[0][0]
        try:
            return subprocess.Popen(
                program.command,
                env=dict(program.environment),
                cwd=program.folder,
                stdin=subprocess.DEVNULL if log else None,
                stdout=files.enter_context(program.output.open("wb")) if program.output else log,
                stderr=log,
                start_new_session=log is not None,
                pass_fds=program.sockets,
                preexec_fn=guard.dying_with_parent(last_word, on_terminal=log is None),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except OSError as error:
            raise Refusal(f"{program.name} can't be started: {program.command[0]}: {error.strerror}.") from error


def _signal_group(running: Running, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if running.program.log:
            os.killpg(running.process.pid, number)
        else:
            os.kill(running.process.pid, number)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))


def _tail(log: Path | None, lines: int = 12) -> str:
    if log is None or not log.exists():
        return ""
    return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
