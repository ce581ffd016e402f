"""A KPI that is read by the written statement is the one that the ORM reads, with all that stands beside it."""

from __future__ import annotations

from datetime import time

import pytest

from kpiplatform.dashboards.kpi_page.whole_kpi import BESIDE, whole_kpi
from kpis.models import DataSource, Kpi, KpiState, SourceAgreement, SourceMapping
from tests.factories import a_kpi, a_person

pytestmark = pytest.mark.django_db


def fields_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def beside(kpi, path):
    found = kpi
    for name in path.split("__"):
        found = getattr(found, name, None) if found is not None else None
    return found


@pytest.mark.parametrize("has_source", [True, False])
def test_each_column_is_what_the_orm_reads_and_nothing_is_asked_again(has_source, django_assert_num_queries):
    made = a_kpi("Punctuality", code="OTD")
    KpiState.objects.update_or_create(kpi=made, defaults={"spark": {"path": "M0 0"}, "band": "on_track"})
    if has_source:
        source = DataSource.objects.create(
            code="feed", name="Feed", owner=a_person("Ana Kovac"), kind="csv_file", pull_at=time(6)
        )
        SourceAgreement.objects.create(source=source)
        SourceMapping.objects.create(source=source, kpi=made, spec={"column": "otd"})
    expected = Kpi.objects.select_related(*BESIDE).get(code="OTD")
    with django_assert_num_queries(1):
        kpi = whole_kpi(Kpi.objects.all(), "OTD")
        rows = {path: beside(kpi, path) for path in BESIDE}
    assert fields_of(kpi) == fields_of(expected)
    assert (rows["state"] is not None, rows["mapping__source__agreement"] is not None) == (True, has_source)
    for path, row in rows.items():
        other = beside(expected, path)
        assert (row is None and other is None) or fields_of(row) == fields_of(other), path


@pytest.mark.parametrize("seen", [Kpi.objects.none, lambda: Kpi.objects.exclude(code="OTD")])
def test_a_kpi_that_is_not_among_those_seen_does_not_exist(seen):
    a_kpi("Punctuality", code="OTD")
    with pytest.raises(Kpi.DoesNotExist):
        whole_kpi(seen(), "OTD")
