"""The sample organisation, loaded once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from kpiplatform.demo.loading import create_organisation, load_sample_organisation
from kpiplatform.demo.moments import Moments
from kpiplatform.demo.scene import Scene
from kpiplatform.demo.shift import weeks_to_move
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD
from kpis.models import Pull
from tests.made_once import made_once

LOADED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def scene_on(now: datetime) -> Scene:
    zone = ZoneInfo("America/New_York")
    return Scene(moments=Moments(now=now, zone=zone, weeks=weeks_to_move(now.astimezone(zone).date())))


@pytest.fixture(scope="package")
def sample(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The sample as loaded on 22 November 2026; gives the folder of its source files. Rolled back at the end.

    The loading is interrupted before the first pull and then completed, so that every test sees that this works.
    """
    folder = tmp_path_factory.mktemp("sources")

    def load() -> Path:
        create_organisation(scene_on(LOADED_AT), password=SAMPLE_PASSWORD)
        assert set(Pull.objects.values_list("state", flat=True)) == {"waiting"}
        assert load_sample_organisation(now=LOADED_AT) is True
        return folder

    with override_settings(KPI_SOURCES_DIR=folder), made_once(django_db_blocker, load) as loaded:
        yield loaded
