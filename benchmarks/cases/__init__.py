"""What is measured, in the order in which it runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from benchmarks.cases.celery_workers import evaluate_by_workers
from benchmarks.cases.evaluating import evaluate_latest, evaluate_touched, rejudge_history
from benchmarks.cases.importing import import_by_workers, import_values
from benchmarks.cases.pages import kpi_page, scorecard_of_50, scorecard_of_200
from benchmarks.cases.ticking import weekly_tick
from benchmarks.cases.users import users_at_once
from benchmarks.load import Load
from benchmarks.measuring import Result, Rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure; `on_values` says whether it needs the reference values or empty tables."""

    name: str
    run: Callable[[Load, Rounds], Iterator[Result]]
    on_values: bool = True


# Those that only read come before those that write, the weeks that lie ahead of today come last.
CASES = (
    Case(name="import", run=import_values, on_values=False),
    Case(name="import-celery", run=import_by_workers, on_values=False),
    Case(name="scorecard-50", run=scorecard_of_50),
    Case(name="scorecard-200", run=scorecard_of_200),
    Case(name="kpi-page", run=kpi_page),
    Case(name="users", run=users_at_once),
    Case(name="touched", run=evaluate_touched),
    Case(name="evaluate", run=evaluate_latest),
    Case(name="celery", run=evaluate_by_workers),
    Case(name="history", run=rejudge_history),
    Case(name="tick", run=weekly_tick),
)


def chosen_cases(names: Collection[str]) -> list[Case]:
    """Return the cases with these names, all without names; raises ValueError for an unknown one."""
    known = [case.name for case in CASES]
    for name in names:
        if name not in known:
            raise ValueError(f"There is no case {name}; there are {', '.join(known)}.")
    return [case for case in CASES if not names or case.name in names]
