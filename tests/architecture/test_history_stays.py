"""History is never overwritten: the database refuses it, and the audit chain shows what was done past the refusal."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction
from django.urls import reverse
from django.utils import timezone

from kpiplatform.audit.chain import first_broken_entry
from kpiplatform.audit.models import AuditEntry
from kpis.models import KpiOwnership, KpiStep, KpiVersion, KpiWeight, MeasurementRevision, Target, ThresholdSet
from objectives.models import ManualScore, ObjectiveWeight
from reviews.models import Forum, Minutes, Pack, Review
from tests.architecture.people_and_things import World

APPEND_ONLY = {
    "audit_auditentry",
    "alerts_bandcrossing",
    "kpis_measurementrevision",
    "kpis_target",
    "kpis_thresholdset",
    "kpis_kpiweight",
    "kpis_kpiownership",
    "kpis_kpistep",
    "kpis_kpiversion",
    "objectives_objectiveweight",
    "objectives_manualscore",
    "reviews_minutes",
    "reviews_pack",
}
AUDITED = {
    "accounts_invitation",
    "accounts_user",
    "alerts_alertrule",
    "alerts_subscription",
    "dashboards_kpidraft",
    "dashboards_takenfile",
    "initiatives_expectedimpact",
    "initiatives_initiative",
    "initiatives_milestone",
    "initiatives_risk",
    "kpis_annotation",
    "kpis_datasource",
    "kpis_entryrules",
    "kpis_holiday",
    "kpis_kpi",
    "api_apitoken",
    "api_apitoken_kpis",
    "api_apitoken_units",
    "kpis_kpiinput",
    "kpis_unitcalendar",
    "kpis_kpilink",
    "kpis_kpiownership",
    "kpis_kpiweight",
    "kpis_periodcalendar",
    "kpis_periodlock",
    "kpis_periodreopening",
    "kpis_proposedvalue",
    "kpis_qualityrule",
    "kpis_sourceagreement",
    "kpis_sourcecredential",
    "kpis_sourcemapping",
    "kpis_sourceupload",
    "kpis_target",
    "kpis_thresholdset",
    "objectives_causallink",
    "objectives_manualscore",
    "objectives_objective",
    "objectives_objectiveweight",
    "objectives_organisation",
    "objectives_perspective",
    "objectives_roleassignment",
    "objectives_strategyplan",
    "objectives_theme",
    "objectives_unit",
    "reviews_action",
    "reviews_decision",
    "reviews_forum",
    "reviews_kpicadence",
    "reviews_review",
}


def tables_with_trigger(name: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %s AND tgenabled = 'O'", [name])
        return {table for (table,) in cursor.fetchall()}


def a_row_everywhere(world: World) -> None:
    """Add a row to the tables of which the small organisation makes no use."""
    kpi, by, now, today = world.kpis["OURS"], world.people["admin"], timezone.now(), timezone.localdate()
    said = {"effective_from": today, "recorded_at": now, "recorded_by": by}
    KpiWeight.objects.create(kpi=kpi, weight=1, **said)
    KpiOwnership.objects.create(kpi=kpi, owner=kpi.owner, **said)
    KpiStep.objects.create(kpi=kpi, was="draft", became="active", recorded_at=now, recorded_by=by)
    KpiVersion.objects.create(kpi=kpi, version=1, definition={}, **said)
    ObjectiveWeight.objects.create(objective=kpi.objective, weight=1, **said)
    ManualScore.objects.create(objective=kpi.objective, score=5, confidence=80, note="Judged by the board", **said)
    forum = Forum.objects.create(
        code="executive", name="Review", unit=kpi.unit, tier="strategic", chair=by, rule="monthly", anchor=today,
        starts_at="09:00",
    )  # fmt: skip
    review = Review.objects.create(forum=forum, held_on=today, state="closed", opened_at=now, closed_at=now)
    Pack.objects.create(review=review, content={}, sha256="0" * 64, frozen_at=now)
    Minutes.objects.create(review=review, content={}, recorded_at=now)


def test_no_table_gained_or_lost_its_protection_by_the_way(world: World) -> None:
    assert tables_with_trigger("append_only") == APPEND_ONLY
    assert tables_with_trigger("audit") == AUDITED


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize("change", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_append_only_rows_are_neither_changed_nor_deleted(world: World, table: str, change: str) -> None:
    a_row_everywhere(world)
    column = "review_id" if table in {"reviews_pack", "reviews_minutes"} else "id"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] > 0
        with pytest.raises(Error, match=f"{table} is append-only"), transaction.atomic():
            cursor.execute(change.format(table, column))


def test_bulk_writes_of_the_orm_are_refused_as_well(world: World) -> None:
    for model in (MeasurementRevision, Target, ThresholdSet):
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            model.objects.all().delete()
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            model.objects.update(kpi=world.kpis["THEIRS"])


def test_the_audit_chain_holds_after_people_have_worked_and_names_them(world: World, client) -> None:
    admin = world.people["admin"]
    client.force_login(admin)
    before = AuditEntry.objects.count()
    client.post(reverse("theme"), {"theme": "dark", "next": "/"})
    entries = list(AuditEntry.objects.order_by("id"))[before:]
    assert [(entry.table, entry.action, entry.actor) for entry in entries] == [("accounts_user", "UPDATE", admin.pk)]
    assert (entries[0].before["theme"], entries[0].after["theme"]) == ("", "dark")
    assert first_broken_entry() is None


def test_passwords_stay_out_of_the_audit_trail(world: World) -> None:
    assert not [entry for entry in AuditEntry.objects.filter(table="accounts_user") if "password" in entry.after]


def without_protection(statement: str) -> None:
    """Do what only somebody who rules the database can do."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER append_only")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER append_only")


TARGETS = "SELECT id FROM audit_auditentry WHERE \"table\" = 'kpis_target' ORDER BY id LIMIT 1"
# What was done, and how many entries further on it shows.
TAMPERING = {
    "another value": (
        f"UPDATE audit_auditentry SET after = jsonb_set(after, '{{value}}', '1') WHERE id = ({TARGETS})",
        0,
    ),
    "another author": (f"UPDATE audit_auditentry SET actor = 0 WHERE id = ({TARGETS})", 0),
    "another time": (
        f"UPDATE audit_auditentry SET at = at - interval '1 day' WHERE id = ({TARGETS})",
        0,
    ),
    "an entry less": (f"DELETE FROM audit_auditentry WHERE id = ({TARGETS})", 1),
    "a value with a hash of its own": (
        'UPDATE audit_auditentry SET actor = 0, hash = audit_hash(previous_hash, id, at, 0, "table", "row", action,'
        f" before, after) WHERE id = ({TARGETS})",
        1,
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_with_the_audit_trail_is_found_where_it_happened(world: World, what: str) -> None:
    statement, further = TAMPERING[what]
    entries = list(AuditEntry.objects.order_by("id").values_list("id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(TARGETS)
        tampered = cursor.fetchone()[0]
    without_protection(statement)
    assert first_broken_entry() == entries[entries.index(tampered) + further]
