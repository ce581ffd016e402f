"""State rows: what they keep of the newest periods tells the same as all periods read anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from kpis.domain.judged import Judged
from kpis.domain.state import State, band_since, closed_periods, state_of
from kpis.models import Evaluation, Kpi, KpiState, KpiVersion
from kpis.queries import breaks_of, calendar_of
from kpis.readings import Origin, Reading
from kpis.services.judging import rejudge
from kpis.services.recording import record_measurements
from kpis.services.stating import LOOK_BACK
from tests.factories import NOW, a_kpi, a_person, an_objective, limits, the_calendar

pytestmark = pytest.mark.django_db
FIRST = date(2026, 1, 5)
WEEKS = 40


def start_of(week: int) -> date:
    return FIRST + timedelta(weeks=week)


def said(chance: Random, kpi: Kpi, week: int) -> Reading:
    """Return a value for the whole week or for what is over of it, or that there is none."""
    state = chance.choices(("reported", "provisional", "not_applicable"), (4, 4, 2))[0]
    value = None if state == "not_applicable" else Decimal(chance.randrange(6000, 9000)) / 100
    start = start_of(week)
    return Reading(
        kpi_id=kpi.pk,
        period_start=start,
        period_end=start + timedelta(days=7),
        value=value,
        state=state,
        reason="closed" if value is None else "",
    )


def break_series(kpi: Kpi, day: date, version: int) -> None:
    KpiVersion.objects.create(
        kpi=kpi, version=version, effective_from=day, breaks_series=True, definition={}, reason="counted otherwise",
        recorded_at=NOW, recorded_by=kpi.owner,
    )  # fmt: skip
    rejudge(kpi_ids=[kpi.pk], since=day, now=NOW)


def read_anew(kpis: Sequence[Kpi]) -> dict[int, dict[str, object]]:
    breaks, calendar = breaks_of([kpi.pk for kpi in kpis]), calendar_of(the_calendar())
    rows: dict[int, list[Judged]] = {kpi.pk: [] for kpi in kpis}
    for kpi_id, *row in Evaluation.objects.order_by("-period_start").values_list("kpi_id", *Judged._fields):
        rows[kpi_id].append(Judged(*row))
    return {
        pk: expected(state_of(row[: LOOK_BACK + 1], "week", calendar, breaks[pk]), closed_periods(row))
        for pk, row in rows.items()
    }


def shown(state: KpiState) -> dict[str, object]:
    return {
        "last": state.period_start,
        "value": state.value,
        "band": state.band,
        "since": state.band_since,
        "before": state.previous_value,
        "signal": state.signal,
        "spark": state.spark,
        "running": state.open_start,
        "why": state.no_band_reason,
    }


def expected(state: State, closed: Sequence[Judged]) -> dict[str, object]:
    return {
        "last": state.last and state.last.period_start,
        "value": state.last and state.last.value,
        "band": state.last.band if state.last else "",
        "since": band_since(closed) if state.last else None,
        "before": state.previous_value,
        "signal": state.signal,
        "spark": asdict(state.spark) if state.spark else {},
        "running": state.running and state.running.period_start,
        "why": state.no_band_reason,
    }


def test_what_the_row_kept_tells_the_same_as_all_periods_read_anew():
    chance = Random(20261128)
    shared = {"owner": a_person(), "objective": an_objective()}
    kpis = [a_kpi(**shared) for _ in range(24)]
    for kpi in kpis[1:]:
        limits(kpi)
    newest = {kpi.pk: chance.choice((0, 3, WEEKS)) for kpi in kpis}
    origin = Origin(kind="upload", note="", user_id=shared["owner"].pk)
    history = [said(chance, kpi, week) for kpi in kpis for week in range(newest[kpi.pk])]
    record_measurements(readings=history, origin=origin, now=NOW)
    for step in range(8):
        weeks = {}
        for kpi in kpis:
            newest[kpi.pk] += chance.choice((0, 1, 1, 2))
            weeks[kpi] = {max(newest[kpi.pk] - chance.choice((0, 0, 0, 1, 2, 5, 30)), 0) for _ in range(2)}
        readings = [said(chance, kpi, week) for kpi, some in weeks.items() for week in some]
        record_measurements(readings=readings, origin=origin, now=NOW + timedelta(hours=step))
        if step in {2, 5}:
            for version, kpi in enumerate(kpis[::3]):
                break_series(kpi, start_of(max(newest[kpi.pk] - version, 0)), step)
        assert {state.pk: shown(state) for state in KpiState.objects.filter(kpi__in=kpis)} == read_anew(kpis)


def test_a_row_that_has_kept_nothing_reads_all_periods():
    kpi = a_kpi()
    limits(kpi)
    chance = Random(1)
    origin = Origin(kind="upload", note="", user_id=kpi.owner_id)
    readings = [said(chance, kpi, week)._replace(value=Decimal(80), state="reported", reason="") for week in range(30)]
    record_measurements(readings=readings, origin=origin, now=NOW)
    before = KpiState.objects.values().get()
    KpiState.objects.update(recent="", spark={}, signal="")
    rejudge(kpi_ids=[kpi.pk], since=start_of(29), now=NOW)
    assert KpiState.objects.values().get() == before
