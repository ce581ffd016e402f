"""Rules in a pull: rows are refused or the pull is held, and what each rule found is written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kpis.models import DataSource, Kpi, Measurement, Pull, QualityRule, SourceAgreement
from kpis.services.applying import apply_held_pull
from kpis.services.rules import set_agreement
from kpis.sources import checking
from tests.factories import a_kpi
from tests.kpis.pulls import NOW, a_mapped_kpi, a_source, lines, pull, values, write

pytestmark = pytest.mark.django_db
HEADER = "day,airport,minutes"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.KPI_SOURCES_DIR = tmp_path
    return tmp_path


def a_rule(source: DataSource, kind: str, severity: str = "refuse", **fields: Any) -> QualityRule:
    fields = {"columns": ["minutes"], "created_at": NOW, "created_by": source.owner} | fields
    return QualityRule.objects.create(source=source, kind=kind, severity=severity, **fields)


def pulled(source: DataSource, folder: Path, *odd: str) -> Pull:
    """Pull a fortnight of four flights a day, and the odd rows."""
    write(folder, [*lines(until="2026-11-16"), *odd])
    return pull(source)


# Each kind of rule about rows: what it is given, the odd rows, the lines that break it.
ROW_RULES: dict[str, tuple[dict[str, Any], list[str], list[int]]] = {
    "range": ({"low": -60, "high": 1440}, ["2026-11-10,JFK,1441", "2026-11-10,JFK,-60"], [30]),
    "filled": ({}, ["2026-11-10,JFK,"], [30]),
    "unique": ({"columns": ["minutes"]}, [], list(range(3, 30))),
    "rising": ({}, ["2026-11-15,JFK,12", "2026-11-15,JFK,11", "2026-11-15,JFK,"], [31]),
    "allowed": ({"columns": ["airport"], "allowed": ["JFK", "LGA"]}, ["2026-11-10,LGA,1", "2026-11-10,EWR,1"], [31]),
    "type": ({"value_type": "whole"}, ["2026-11-10,JFK,1.5"], [30]),
}


@pytest.mark.parametrize("kind", ROW_RULES)
def test_rows_that_break_a_rule_are_refused_by_line_and_the_rest_counts(folder: Path, kind: str) -> None:
    fields, odd, broken = ROW_RULES[kind]
    source = a_source()
    kpi = a_mapped_kpi(source)
    a_rule(source, kind, **fields)
    done = pulled(source, folder, *odd)
    check = done.checks.get()
    assert (check.is_kept, check.broken) == (False, len(broken))
    assert [row.line for row in done.refusals.order_by("line")] == broken
    if kind == "unique":  # more than a fifth of the rows: something else is wrong
        assert done.state == Pull.State.SUSPECT
        assert "The rules refused 27 of 28 rows" in str(done.error)
        return
    assert (done.state, done.rules_checked, done.rules_broken, done.reconciled) == ("applied", 1, 1, None)
    assert values(kpi)["2026-11-09"][0] == 28 + len(odd) - len(broken)


@pytest.mark.parametrize("kind", sorted(set(ROW_RULES) - {"unique"}))
def test_the_same_rule_may_hold_the_pull_instead(folder: Path, kind: str) -> None:
    fields, odd, broken = ROW_RULES[kind]
    source = a_source()
    kpi = a_mapped_kpi(source)
    a_rule(source, kind, "hold", **fields)
    done = pulled(source, folder, *odd)
    assert done.state == Pull.State.SUSPECT
    assert f"{len(broken)} of " in str(done.error)
    example = {"range": ", like 1441", "allowed": ", like EWR", "type": ", like 1.5", "rising": ", like 11"}.get(
        kind, ""
    )
    assert f"rows are not so{example}" in str(done.error)
    assert not values(kpi)
    assert done.staged.count() == 1


def test_of_many_refused_rows_the_first_are_named_and_all_are_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "REFUSALS_KEPT", 2)
    source = a_source()
    a_mapped_kpi(source)
    a_rule(source, "rising")
    a_rule(source, "unique")
    done = pulled(source, folder)
    assert (done.rows_refused, [row.line for row in done.refusals.order_by("line")]) == (27, [3, 4])
    applied = apply_held_pull(pull_id=done.pk, by=source.owner, reason="looked at", now=NOW)
    assert (applied.rows_refused, applied.refusals.count()) == (27, 2)


def test_a_row_that_several_rules_refuse_is_one_row(folder: Path) -> None:
    source = a_source()
    kpi = a_mapped_kpi(source)
    a_rule(source, "range", high=60)
    a_rule(source, "allowed", columns=["airport"], allowed=["JFK"])
    a_rule(source, "allowed", columns=["airport"], allowed=["JFK", "LGA"], mapping=kpi.mapping)
    odd = ["2026-11-10,EWR,90"] * 4
    done = pulled(source, folder, *odd)
    assert (done.state, done.rows_read, done.rows_kept, done.rows_refused) == ("applied", 32, 28, 4)
    assert done.refusals.count() == 12  # each reason is named
    write(folder, [*lines(until="2026-11-16"), *odd, *odd])
    held = pull(source, now=NOW + timedelta(minutes=1))
    assert "The rules refused 8 of 36 rows, more than 20 %." in str(held.error)


def test_a_row_that_is_no_number_counts_for_the_rule_about_its_type(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    a_rule(source, "type", "hold", value_type="number")
    done = pulled(source, folder, "2026-11-10,JFK,many")
    assert done.state == Pull.State.SUSPECT
    assert "minutes is a number: 1 of 29 rows are not so" in str(done.error)


def test_a_rule_of_one_kpi_leaves_rows_out_of_that_kpi_only(folder: Path) -> None:
    source = a_source()
    strict = a_mapped_kpi(source, {"where": [["airport", "==", "JFK"]], "value": {"agg": "count"}})
    plain = a_mapped_kpi(source)
    a_rule(source, "range", high=60, mapping=strict.mapping)
    done = pulled(source, folder, "2026-11-10,JFK,61", "2026-11-10,EWR,61")
    assert (values(strict)["2026-11-09"][0], values(plain)["2026-11-09"][0]) == (28, 30)
    refusal = done.refusals.get()
    assert refusal.line == 30
    assert str(refusal.why) == f"minutes is at most 60; here it is 61. It does not count for {strict.code}."


def test_the_sum_of_a_column_is_held_against_the_total_that_its_rows_state(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    rule = a_rule(source, "total", "hold", control_column="stated")
    rows = [f"2026-11-{day},JFK,10,40" for day in range(10, 22) for _ in range(4)]
    write(folder, rows, header=f"{HEADER},stated")
    done = pull(source, now=NOW.replace(day=21))
    assert (done.state, done.reconciled) == ("applied", True)
    write(folder, [*rows, "2026-11-12,JFK,7,40"], header=f"{HEADER},stated")
    done = pull(source)
    assert (done.state, done.reconciled) == ("suspect", False)
    assert "12 Nov 2026: 47, not 40" in str(done.error)
    rule.tolerance = Decimal(20)
    rule.save()
    assert pull(source, now=NOW.replace(hour=9)).state == "applied"


def test_the_number_of_rows_is_held_against_a_kpi_that_counts_them_elsewhere(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    control = a_kpi("Flights by the tower")
    Measurement.objects.create(
        kpi=control, period_start="2026-11-09", period_end="2026-11-16", value=28, state="reported", seq=1,
        recorded_at=NOW,
    )  # fmt: skip
    a_rule(source, "total", "hold", columns=[], control_kpi=control)
    assert pulled(source, folder).reconciled is True
    write(folder, [*lines(until="2026-11-16"), "2026-11-10,JFK,5"])
    done = pull(source, now=NOW.replace(hour=9))
    assert "2026-W46: 29, not 28" in str(done.error)


def test_a_day_that_differs_is_written_as_days_are(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    control = a_kpi("Flights of the day", frequency="day")
    Measurement.objects.create(
        kpi=control, period_start="2026-11-10", period_end="2026-11-11", value=9, state="reported", seq=1,
        recorded_at=NOW,
    )  # fmt: skip
    a_rule(source, "total", "hold", columns=[], control_kpi=control)
    assert "10 Nov 2026: 4, not 9" in str(pulled(source, folder).error)


def test_a_rule_about_the_number_of_rows_replaces_the_standing_one(folder: Path) -> None:
    source = a_source(usual_rows=100)
    kpi = a_mapped_kpi(source)
    assert pulled(source, folder).state == "suspect"
    a_rule(source, "rows", "hold", columns=[], low=Decimal(1))
    assert pull(source, now=NOW.replace(hour=9)).state == "applied"
    assert values(kpi)


def test_an_old_newest_row_holds_the_pull(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    a_rule(source, "fresh", "hold", columns=[], high=3)
    assert "15 Nov 2026, 7 days before the pull" in str(pulled(source, folder).error)


def test_a_held_pull_that_is_applied_keeps_what_its_rules_found(folder: Path) -> None:
    from kpis.services.pulling import apply_held_pull

    source = a_source()
    kpi: Kpi = a_mapped_kpi(source)
    a_rule(source, "filled", "hold")
    done = pulled(source, folder, "2026-11-10,JFK,")
    apply_held_pull(pull_id=done.pk, by=source.owner, reason="one flight had no time", now=NOW)
    done.refresh_from_db()
    assert (done.state, done.rules_broken, done.checks.count()) == ("applied", 1, 1)
    assert values(kpi)["2026-11-09"][0] == 29


def test_a_source_is_behind_from_the_end_of_the_agreed_time_after_its_next_slot(folder: Path) -> None:
    source = a_source()
    a_mapped_kpi(source)
    agreed = {"fresh_within_minutes": 120, "rows_visible_to": "owners", "row_columns": [], "seen": "", "now": NOW}
    set_agreement(source=source, **agreed)
    source.refresh_from_db()
    assert source.behind_from is None  # nothing was pulled yet
    pulled(source, folder)
    source.refresh_from_db()
    assert source.behind_from == datetime(2026, 11, 23, 8, 10, tzinfo=UTC)
    assert SourceAgreement.objects.get().fresh_within_minutes == 120
