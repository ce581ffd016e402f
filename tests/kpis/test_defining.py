"""The definition of a KPI, its people, its life and its weight: what a change leaves behind and what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from alerts.models import Subscription
from kpiplatform.accounts.services.people import NotActive
from kpiplatform.audit.editing import ChangedMeanwhile, seen
from kpis.models import Evaluation, Kpi, KpiOwnership, KpiState, KpiVersion, KpiWeight, PeriodCalendar, PeriodLock
from kpis.readings import Origin, Reading
from kpis.services.defining import (
    PEOPLE,
    SHEET,
    create_kpi,
    define,
    move_on,
    set_weight,
    staff,
    what_is_missing,
)
from kpis.services.recording import record_measurements
from kpis.services.refusal import Refused
from objectives.models import ObjectiveState, Organisation
from tests.factories import NOW, a_kpi, a_person, a_unit, an_objective, limits, the_calendar, the_company

pytestmark = pytest.mark.django_db
W46 = date(2026, 11, 9)


def a_judged_kpi(value: int = 76, **fields) -> Kpi:
    kpi = a_kpi(**fields)
    limits(kpi, goal=80, red_flag=72)
    record_measurements(
        readings=[Reading(kpi_id=kpi.pk, period_start=W46, period_end=W46 + timedelta(days=7), value=Decimal(value))],
        origin=Origin(kind="manual", user_id=kpi.owner_id),
        now=NOW,
    )
    return kpi


def change(kpi: Kpi, **fields) -> Kpi:
    values = fields.pop("values")
    said = {"effective_from": W46, "reason": "clearer", "breaks_series": False, "by": kpi.owner, "now": NOW, **fields}
    return define(kpi=kpi, seen=said.pop("seen", seen(kpi, SHEET)), values=values, **said)


def test_an_active_kpi_gets_a_version_with_its_reason():
    kpi = a_kpi()
    change(kpi, values={"name": "Arrivals on time"}, breaks_series=True)
    kpi.refresh_from_db()
    version = KpiVersion.objects.get(kpi=kpi)
    assert (kpi.name, kpi.version) == ("Arrivals on time", 2)
    assert (version.version, version.effective_from, version.reason, version.breaks_series) == (2, W46, "clearer", True)
    assert version.definition["name"] == "Arrivals on time"


def test_the_same_sheet_again_changes_nothing():
    kpi = a_kpi()
    change(kpi, values={"name": kpi.name, "decimals": kpi.decimals})
    assert not KpiVersion.objects.exists()
    kpi.refresh_from_db()
    assert kpi.version == 1


def test_a_draft_is_changed_without_a_version():
    kpi = a_kpi(status="draft")
    change(kpi, values={"name": "Other"})
    assert not KpiVersion.objects.exists()


def test_a_sheet_that_somebody_else_changed_meanwhile_is_not_overwritten():
    kpi = a_kpi()
    token = seen(kpi, SHEET)
    change(kpi, values={"name": "Theirs"})
    with pytest.raises(ChangedMeanwhile):
        change(kpi, values={"name": "Mine"}, seen=token)
    kpi.refresh_from_db()
    assert kpi.name == "Theirs"


@pytest.mark.parametrize(
    ("values", "forgotten"),
    [
        ({"reporting_lag_days": 5}, True),
        ({"active_from": date(2026, 3, 1)}, True),
        ({"purpose": "To know"}, False),
    ],
)
def test_another_schedule_lets_the_next_due_date_be_found_anew(values, forgotten):
    kpi = a_judged_kpi()
    KpiState.objects.filter(kpi=kpi).update(next_due_on=date(2026, 11, 25))
    change(kpi, values=values)
    assert (KpiState.objects.get(kpi=kpi).next_due_on != date(2026, 11, 25)) == forgotten


def test_a_kpi_with_values_keeps_their_rhythm():
    kpi = a_judged_kpi()
    shifted = PeriodCalendar.objects.create(name="Sundays", week_start=6)
    for values in ({"frequency": "month"}, {"calendar_id": shifted.pk}):
        with pytest.raises(Refused, match="recorded by other periods"):
            change(kpi, values=values, breaks_series=True)
    july = PeriodCalendar.objects.create(name="July", fiscal_year_start_month=7)
    with pytest.raises(Refused, match="add up over the fiscal year"):
        change(kpi, values={"calendar_id": july.pk, "is_cumulative": True})
    change(kpi, values={"calendar_id": july.pk})
    assert Kpi.objects.get(pk=kpi.pk).calendar == july
    change(a_kpi(code="EMPTY"), values={"frequency": "month"})


@pytest.mark.parametrize("where", ["calendar_id", "unit_id"])
def test_what_is_locked_does_not_open_because_a_kpi_moves(where):
    kpi = a_judged_kpi(unit=a_unit())
    there = {"calendar_id": PeriodCalendar.objects.create(name="Other").pk, "unit_id": the_company().pk}[where]
    lock = {"calendar": kpi.calendar, "unit": kpi.unit, "locked_until": W46, "locked_by": kpi.owner, "locked_at": NOW}
    PeriodLock.objects.create(**lock)
    with pytest.raises(Refused, match="up to 8 Nov 2026 are locked, and would be open"):
        change(kpi, values={where: there})
    del lock["calendar" if where == "calendar_id" else "unit"]
    PeriodLock.objects.create(**lock, **{where: there})
    change(kpi, values={where: there})


def test_another_polarity_judges_the_periods_again():
    kpi = a_judged_kpi()
    assert Evaluation.objects.get(kpi=kpi).band == "at_risk"
    change(kpi, values={"polarity": "unscored"})
    assert Evaluation.objects.get(kpi=kpi).no_band_reason == "unscored"


def test_another_objective_rolls_both_up():
    kpi = a_judged_kpi()
    old, new = kpi.objective, an_objective("Sell more seats", code="seats")
    change(kpi, values={"objective_id": new.pk})
    assert ObjectiveState.objects.get(objective=old).total == 0
    assert ObjectiveState.objects.get(objective=new).total == 1


def test_a_hand_over_stays_on_record_and_the_alerts_follow():
    kpi, heir = a_kpi(), a_person("Ana Kovač")
    said = {"owner": heir, "deputy": None, "steward": None, "effective_from": W46, "reason": "leave"}
    staff(kpi=kpi, seen=seen(kpi, PEOPLE), by=kpi.owner, now=NOW, **said)
    kpi.refresh_from_db()
    assert kpi.owner == heir
    assert KpiOwnership.objects.get(kpi=kpi).reason == "leave"
    assert list(Subscription.objects.filter(kpi=kpi, is_active=True).values_list("user", flat=True)) == [heir.pk]


def test_what_begins_today_begins_on_the_day_of_the_organisation():
    Organisation.objects.create(name="Harbor Airports", time_zone="America/Los_Angeles")
    evening = datetime(2026, 11, 23, 4, tzinfo=UTC)  # of 22 November, where they are
    made = a_kpi("Bags", status="draft")
    values = {name: getattr(made, name) for name in (*SHEET, "objective_id")} | {"code": "BAGS", "polarity": "unscored"}
    kpi = create_kpi(values=values, owner=made.owner, by=made.owner, now=evening)
    assert KpiOwnership.objects.get(kpi=kpi).effective_from == NOW.date()
    assert move_on(kpi=kpi, to="active", by=kpi.owner, now=evening).active_from == NOW.date()


def test_who_may_not_sign_in_answers_for_nothing():
    kpi, gone = a_kpi(), a_person("Gone", is_active=False)
    said = {"deputy": gone, "steward": None, "effective_from": W46, "reason": ""}
    with pytest.raises(NotActive):
        staff(kpi=kpi, seen=seen(kpi, PEOPLE), owner=kpi.owner, by=kpi.owner, now=NOW, **said)
    said["deputy"] = None
    with pytest.raises(Refused, match="not active"):
        staff(kpi=kpi, seen=seen(kpi, PEOPLE), owner=gone, by=kpi.owner, now=NOW, **said)


def test_a_kpi_is_activated_only_when_it_can_be_judged():
    kpi = a_kpi(status="draft")
    assert len(what_is_missing(kpi)) == 2
    with pytest.raises(Refused, match=r"no target.*no thresholds"):
        move_on(kpi=kpi, to="active", by=kpi.owner, now=NOW)
    limits(kpi)
    move_on(kpi=kpi, to="active", by=kpi.owner, now=NOW, checklist={"kind": {"why_kind": "so"}})
    kpi.refresh_from_db()
    assert (kpi.status, kpi.active_from) == ("active", NOW.date())
    assert kpi.versions.get().definition["checklist"] == {"kind": {"why_kind": "so"}}
    assert Subscription.objects.filter(kpi=kpi, user=kpi.owner, is_active=True).exists()


def test_a_retired_kpi_counts_for_nothing_and_keeps_its_values():
    kpi = a_judged_kpi()
    assert ObjectiveState.objects.get(objective=kpi.objective).total == 1
    for _press in range(2):
        move_on(kpi=kpi, to="retired", by=kpi.owner, now=NOW)
    assert ObjectiveState.objects.get(objective=kpi.objective).total == 0
    assert Evaluation.objects.filter(kpi=kpi).exists()


@pytest.mark.parametrize(
    ("status", "to"), [("active", "draft"), ("retired", "proposed"), ("active", "proposed"), ("draft", "")]
)
def test_a_life_goes_its_way_only(status, to):
    kpi = a_kpi(status=status)
    with pytest.raises(Refused):
        move_on(kpi=kpi, to=to, by=kpi.owner, now=NOW)


def test_a_weight_holds_from_its_day_on_and_rolls_up():
    kpi = a_judged_kpi(value=80)
    other = a_judged_kpi(value=72, objective=kpi.objective)
    before = ObjectiveState.objects.get(objective=kpi.objective).score
    set_weight(kpi=other, weight=Decimal(0), effective_from=date(2026, 11, 1), by=kpi.owner, now=NOW)
    after = ObjectiveState.objects.get(objective=kpi.objective).score
    assert (before, after) == (Decimal("5.0000"), Decimal("6.6667"))
    set_weight(kpi=other, weight=Decimal(5), effective_from=date(2027, 1, 1), by=kpi.owner, now=NOW)
    assert ObjectiveState.objects.get(objective=kpi.objective).score == after
    assert KpiWeight.objects.filter(kpi=other).count() == 2


def test_a_new_kpi_is_a_draft_with_an_owner_on_record():
    owner = a_person()
    values = {
        "code": "BAGS",
        "name": "Late bags",
        "objective_id": an_objective().pk,
        "unit_id": the_company().pk,
        "calendar_id": the_calendar().pk,
        "polarity": "lower_is_better",
        "tier": "operational",
        "indicator_type": "leading",
        "frequency": "week",
        "time_aggregation": "average",
    }
    kpi = create_kpi(values=values, owner=owner, by=owner, now=NOW)
    assert (kpi.status, kpi.ownerships.get().owner) == ("draft", owner)
