"""The sample organisation as it stands after loading on 22 November 2026."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from alerts.models import BandCrossing, Message
from initiatives.models import Initiative, Milestone
from kpiplatform.accounts.models import User
from kpiplatform.demo import loading
from kpiplatform.demo.loading import create_organisation, load_sample_organisation
from kpiplatform.demo.sheets import kpi_sheets, mapping_spec
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD, sign_ins
from kpis.models import Annotation, Kpi, KpiState, Measurement, MeasurementRevision, ProposedValue, Pull, SourceMapping
from kpis.sources.mapping import parse_mapping
from objectives.models import ObjectiveState, Organisation, Role
from reviews.domain.frozen import fingerprint
from reviews.models import Action, Decision, Minutes, Review
from tests.samples.conftest import LOADED_AT, scene_on
from tests.samples.raw import flights

TODAY = date(2026, 11, 22)


def test_the_strategic_scorecard_has_a_telling_mix(sample: Path) -> None:
    strategic = Kpi.objects.filter(tier="strategic").select_related("state")
    bands = {kpi.code: kpi.state.band for kpi in strategic}
    assert {code for code, band in bands.items() if band == "on_track"} == {
        "SEATS", "DELAY-MEAN", "OTD", "CANC", "FIRST-WAVE"
    }  # fmt: skip
    assert {code for code, band in bands.items() if band == "at_risk"} == {
        "SEATS-DEP", "OTA", "EVE-OTD", "RECOVERED"
    }  # fmt: skip
    assert {code for code, band in bands.items() if band == "off_track"} == {"DEST", "FLEET-MATCH"}
    assert {code for code, band in bands.items() if band == ""} == {"DEICE-CREW"}


def test_every_objective_has_a_state_and_one_is_off_track(sample: Path) -> None:
    states = dict(ObjectiveState.objects.values_list("objective__code", "band"))
    assert len(states) == 12
    assert [code for code, band in states.items() if band == "off_track"] == ["know-fleet"]
    assert states["ready-winter"] == ""


def test_kpis_of_every_kind_are_shown(sample: Path) -> None:
    kpis = Kpi.objects.all()
    assert kpis.filter(entry="source").count() >= 25
    assert 3 <= kpis.filter(entry="manual").count() <= 8
    assert set(kpis.filter(entry="derived").values_list("code", flat=True)) == {"CANC-MONTH", "CREWS", "FADE"}
    for name, kinds in {
        "tier": {"strategic", "operational"},
        "indicator_type": {"leading", "lagging"},
        "frequency": {"day", "week", "month"},
        "polarity": {"higher_is_better", "lower_is_better", "within_range", "unscored"},
        "status": {"active"},
    }.items():
        assert set(kpis.values_list(name, flat=True)) == kinds


def test_every_definition_sheet_is_filled_in(sample: Path) -> None:
    words = (
        "purpose", "decision_informed", "formula_in_words", "inclusions", "measure_unit", "cost_to_measure",
        "unintended_consequences",
    )  # fmt: skip
    for kpi in Kpi.objects.all():
        assert all(getattr(kpi, name) for name in words), kpi.code
        assert kpi.deputy_id != kpi.owner_id, kpi.code
        assert kpi.steward_id, kpi.code
        assert kpi.review_by > TODAY, kpi.code
        assert kpi.baseline_value is not None or kpi.code == "DEICE-CREW", kpi.code
        assert bool(kpi.guard_id) == bool(kpi.guard_reason), kpi.code


def test_guards_lead_in_no_circle(sample: Path) -> None:
    guard = dict(Kpi.objects.values_list("code", "guard__code"))
    for code in guard:
        met, step = [], code
        while step:
            assert step not in met, f"{' → '.join(met)} → {step}"
            met.append(step)
            step = guard[step]


def test_every_mapping_can_be_followed(sample: Path) -> None:
    for mapping in SourceMapping.objects.select_related("kpi"):
        parsed = parse_mapping(mapping.spec)
        assert parsed.factor in (None, mapping.kpi.ratio_factor)


def test_nobody_is_told_of_the_first_load_and_owners_are_told_of_what_came_later(sample: Path) -> None:
    first_load = datetime(2026, 10, 28, 23, 0, tzinfo=UTC)
    assert not Message.objects.filter(created_at__lt=first_load).exists()
    told = set(Message.objects.values_list("kpi__code", "deliveries__recipient__email"))
    assert ("LGA-OTA", "ana.kovac@example.com") in told
    assert ("EVE-OTD", "rosa.delgado@example.com") in told
    crossing = BandCrossing.objects.get(kpi__code="LGA-OTA", period_start=date(2026, 11, 9))
    assert (crossing.from_band, crossing.to_band, round(crossing.value, 1)) == ("at_risk", "off_track", Decimal("78.7"))


def test_values_were_revised_when_their_week_closed(sample: Path) -> None:
    revisions = MeasurementRevision.objects.filter(kpi__code="CREWS-JFK", kind="correction")
    assert [(row.value, row.note) for row in revisions] == [(7, "Contract crew was counted twice")]
    seqs = MeasurementRevision.objects.filter(kpi__code="DELAY-P90", period_start=date(2026, 11, 1))
    assert seqs.count() == 3


def test_every_pull_was_applied_and_took_only_the_past(sample: Path) -> None:
    pulls = Pull.objects.all()
    assert {pull.state for pull in pulls} == {"applied"}
    assert len(pulls) == 8
    assert max(pull.until for pull in pulls) == TODAY
    for pull in pulls.exclude(until=TODAY):
        assert pull.until == pull.slot.astimezone(ZoneInfo("America/New_York")).date()


def test_the_hour_that_comes_twice_is_refused_with_its_line(sample: Path) -> None:
    refusals = Pull.objects.filter(source__code="weather").latest("rows_refused").refusals.values_list("why", flat=True)
    assert refusals
    assert all("repeats line" in why.text for why in refusals)


def test_off_track_work_is_answered_or_visibly_not(sample: Path) -> None:
    off_track = Kpi.objects.filter(state__band="off_track", tier="strategic")
    answered = {kpi.code: kpi.impacts.exists() for kpi in off_track}
    assert answered == {"DEST": False, "FLEET-MATCH": True}
    late = Milestone.objects.filter(done_on=None, planned_on__lt=TODAY)
    assert {step.name for step in late} == {"LaGuardia roll-out", "Table from Envoy"}
    assert Counter(Initiative.objects.values_list("status", flat=True)) == {"running": 5, "proposed": 2, "done": 1}


def test_the_last_review_left_decisions_and_actions(sample: Path) -> None:
    review = Review.objects.get(forum__code="executive")
    assert (review.held_on, review.state) == (date(2026, 10, 29), "closed")
    assert review.decisions.filter(state="taken").count() == 2
    assert Action.objects.filter(review=review, done_on=None, due_on__lt=TODAY).count() == 2
    due = Decision.objects.filter(state="due", forum__code="executive").order_by("due_on")
    assert [(row.due_on, row.title) for row in due] == [
        (date(2026, 11, 26), "Fund the Winter de-icing crew plan"),
        (date(2026, 12, 3), "Give destinations a seasonal target"),
    ]


def test_held_reviews_have_the_pack_of_their_day_and_not_of_today(sample: Path) -> None:
    pack = Review.objects.get(forum__code="executive").pack
    assert fingerprint(pack.content) == pack.sha256
    kpis = {row["code"]: row for row in pack.content["kpis"]}
    assert {row["period"] for row in kpis.values() if row["value"]} == {"W43"}
    assert kpis["DEST"]["band"] == "at_risk" != Kpi.objects.get(code="DEST").state.band
    assert [item["key"] for item in pack.content["agenda"][:2]] == ["RECOVERED", "FLEET-MATCH"]
    assert Minutes.objects.count() == Review.objects.filter(state="closed").count() == 2


def test_what_the_annotations_say_is_true_of_the_flights(sample: Path) -> None:
    texts = set(Annotation.objects.values_list("text", flat=True))

    def days(first: str, last: str, origin: str = "") -> dict[str, str]:
        rows = flights()
        rows = rows[rows["date"].between(f"2013-{first}", f"2013-{last}")]
        rows = rows[rows["origin"] == origin] if origin else rows
        left, arrived = rows[rows["dep_delay"].notna()], rows[rows["arr_delay"].notna()]
        evening = left[left["sched_dep_time"] >= 1700]
        return {
            "planned": f"{len(rows):,}",
            "cancelled": f"{rows['dep_delay'].isna().sum():,}",
            "left": f"{100 * (left['dep_delay'] <= 15).mean():.1f}",
            "arrived": f"{100 * (arrived['arr_delay'] <= 15).mean():.1f}",
            "evening": f"{100 * (evening['dep_delay'] <= 15).mean():.1f}",
        }

    def told(about: dict[str, str], *figures: str) -> None:
        wanted = [about[figure] for figure in figures]
        assert any(all(figure in text for figure in wanted) for text in texts), wanted

    told(days("02-08", "02-09"), "cancelled", "planned")
    told(days("03-06", "03-08") | {"left": days("03-08", "03-08")["left"]}, "cancelled", "left")
    told(days("04-22", "04-28"), "arrived")
    told(days("05-23", "05-23"), "cancelled", "evening")
    told(days("06-24", "06-30"), "evening")
    told(days("07-08", "07-14"), "evening")
    told(days("07-22", "07-23", "LGA"), "cancelled", "planned")
    told(days("09-12", "09-12"), "cancelled", "evening")
    told(days("10-07", "10-07"), "evening")
    told(days("10-07", "10-07", "LGA"), "evening")


def test_what_was_not_typed_is_late_and_what_was_pulled_is_not(sample: Path) -> None:
    health = dict(Kpi.objects.values_list("code", "state__health"))
    assert health["COMPLAINTS"] in {"late", "stale"}
    assert health["DEICE-CREW"] == "never"
    assert {health[code] for code in health if code not in {"COMPLAINTS", "DEICE-CREW"}} == {"fresh"}


def test_a_value_waits_for_the_approval_of_the_owner_who_can_sign_in(sample: Path) -> None:
    waiting = ProposedValue.objects.get()
    assert (waiting.outcome, waiting.entered_by.email) == ("", "noah.fields@example.com")
    assert waiting.kpi.owner.email == "rosa.delgado@example.com"
    assert not Measurement.objects.filter(kpi=waiting.kpi, period_start=waiting.period_start).exists()


def test_one_person_per_role_can_sign_in(sample: Path) -> None:
    assert [role for role, _ in sign_ins()] == ["executive", "manager", "owner", "member", "admin", "auditor"]
    assert {role for role, _ in sign_ins()} == set(Role.values)
    for role, email in sign_ins():
        assert User.objects.get(email=email).roles.filter(role=role).exists()
    assert User.objects.get(email=sign_ins()[0][1]).check_password(SAMPLE_PASSWORD)
    assert len(set(User.objects.values_list("password", flat=True))) == 1


def test_a_second_loading_changes_nothing(sample: Path) -> None:
    def everything() -> dict[str, int]:
        return {model._meta.label: model._default_manager.count() for model in apps.get_models()}

    before, states = everything(), list(KpiState.objects.order_by("pk").values())
    written = {path: path.stat().st_mtime_ns for path in sample.iterdir()}
    assert load_sample_organisation(now=LOADED_AT + timedelta(days=9)) is False
    assert everything() == before
    assert list(KpiState.objects.order_by("pk").values()) == states
    assert {path: path.stat().st_mtime_ns for path in sample.iterdir()} == written


def test_lost_source_files_are_written_again_as_they_were(
    sample: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[Path, int]] = []
    monkeypatch.setattr(loading, "write_source_files", lambda folder, *, weeks: written.append((folder, weeks)))
    settings.KPI_SOURCES_DIR = tmp_path
    load_sample_organisation(now=LOADED_AT + timedelta(days=40))
    assert written == [(tmp_path, 678)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 31, 4, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
        datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    ],
)
def test_the_organisation_can_be_created_on_any_day(now: datetime) -> None:
    create_organisation(scene_on(now), password=SAMPLE_PASSWORD)
    assert Kpi.objects.count() == len(kpi_sheets())
    assert not Annotation.objects.filter(created_at__gt=now).exists()
    assert not MeasurementRevision.objects.filter(recorded_at__gt=now).exists()
    assert not Pull.objects.filter(slot__gt=now).exists()


@pytest.mark.django_db
def test_the_sample_is_never_mixed_with_another_organisation() -> None:
    Organisation.objects.create(pk=1, name="Meridian Rail")
    with pytest.raises(CommandError, match="serves Meridian Rail"):
        call_command("seed_demo")
    assert not Kpi.objects.exists()


def test_in_production_nobody_gets_a_known_password(settings: Settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="--password"):
        call_command("seed_demo")


def test_what_a_kpi_takes_over_it_does_not_mix() -> None:
    sheets = {sheet["code"]: sheet for sheet in kpi_sheets()}
    assert mapping_spec(sheets["LGA-OTA"])["where"] == [["arr_delay", "not_null"], ["origin", "==", "LGA"]]
    assert "numerator" not in mapping_spec(sheets["WX-GUST"])
    assert "corrected" not in sheets["CREWS-LGA"]
