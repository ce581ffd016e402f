"""What a revision or an evaluation names is there and stays, though no foreign key looks after it."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from kpiplatform.accounts.models import User
from kpis.models import DataSource, Evaluation, Kpi, MeasurementRevision, Pull
from tests.factories import NOW, a_kpi, a_person

pytestmark = pytest.mark.django_db
NOBODY = 999_999_999


def a_revision(**fields: Any) -> MeasurementRevision:
    own = {"kpi_id": fields.pop("kpi_id", None) or a_kpi().pk, "state": "reported", "value": 1, "seq": 1}
    days = {"period_start": date(2026, 11, 9), "period_end": date(2026, 11, 16)}
    return MeasurementRevision.objects.create(**own | days | {"kind": "derived", "recorded_at": NOW} | fields)


def a_pull() -> Pull:
    source = DataSource.objects.create(code="s", name="S", kind="csv_file", owner=a_person("Bo Lind"), pull_at=time())
    return Pull.objects.create(source=source, slot=NOW)


def delete(row: Model) -> None:
    """Delete a row without the courtesies of the ORM."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    ("column", "constraint"),
    [
        ("kpi_id", "revision_names_kpi"),
        ("pull_id", "revision_names_pull"),
        ("recorded_by_id", "revision_names_person"),
        ("approved_by_id", "revision_names_person"),
    ],
)
def test_a_revision_that_names_what_is_not_there_is_refused(column: str, constraint: str) -> None:
    by = {"recorded_by": a_person("Chi Park")} if column == "approved_by_id" else {}
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        a_revision(**by, **{column: NOBODY})
    assert refused.value.__cause__.diag.constraint_name == constraint
    assert not MeasurementRevision.objects.exists()


@pytest.mark.parametrize("column", ["kpi", "pull", "recorded_by", "approved_by"])
def test_what_a_revision_names_cannot_go(column: str) -> None:
    named = {"kpi": a_kpi, "pull": a_pull}.get(column, lambda: a_person("Dee Moss"))()
    others = {"recorded_by": a_person("Chi Park")} if column == "approved_by" else {}
    a_revision(**others, **{"kpi_id" if column == "kpi" else column: named.pk if column == "kpi" else named})
    with pytest.raises(IntegrityError, match="named by revisions"):
        delete(named)


def test_what_a_revision_names_is_held_until_it_is_stored() -> None:
    kpi, person, pull = a_kpi(), a_person("Dee Moss"), a_pull()

    def held() -> list[bool]:
        with connection.cursor() as cursor:
            return [
                cursor.execute(f"SELECT xmax <> 0 FROM {model._meta.db_table} WHERE id = %s", [row.pk]).fetchone()[0]
                for model, row in ((Kpi, kpi), (User, person), (Pull, pull))
            ]

    assert held() == [False, False, False]
    a_revision(kpi_id=kpi.pk, recorded_by=person, pull=pull)
    assert held() == [True, True, True]


def an_evaluation(kpi_id: int) -> Evaluation:
    days = {"period_start": date(2026, 11, 9), "period_end": date(2026, 11, 16)}
    return Evaluation.objects.create(kpi_id=kpi_id, **days, no_band_reason="no_value", evaluated_at=NOW)


def test_an_evaluation_of_a_kpi_that_is_not_there_is_refused() -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        an_evaluation(NOBODY)
    assert refused.value.__cause__.diag.constraint_name == "evaluation_names_kpi"
    assert not Evaluation.objects.exists()


def test_a_kpi_with_evaluations_cannot_go_and_they_cannot_move() -> None:
    kpi, other = a_kpi(), a_kpi(code="OTHER")
    an_evaluation(kpi.pk)
    with pytest.raises(IntegrityError, match="named by evaluations"):
        delete(kpi)
    with pytest.raises(IntegrityError, match="stays with its KPI"), transaction.atomic():
        Evaluation.objects.filter(kpi=kpi).update(kpi=other)
    assert Evaluation.objects.get().kpi_id == kpi.pk


def test_a_kpi_that_is_judged_is_held_until_that_is_stored() -> None:
    kpi = a_kpi()
    an_evaluation(kpi.pk)
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT xmax <> 0 FROM kpis_kpi WHERE id = %s", [kpi.pk]).fetchone()[0]
