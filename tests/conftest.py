"""What every test starts from."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.template_database import migrated_template

# Before Django reads its settings: a test never runs as a production installation.
os.environ.setdefault("KPI_ENV", "test")

# How fast an example is made says something about the machine, which may do other things as well, not about the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Folders whose tests share something costly, such as a loaded sample or running servers: each stays on one worker.
# The longest come first, so that no worker is left alone with one at the end.
SHARING = ("journeys", "running", "architecture", "samples", "benchmarks")
LONG = (*SHARING, "faults", "frontend")


class ByWhatIsShared(LoadScopeScheduling):
    """Keeps the tests of a sharing folder, and those of any other file, together on one worker.

    (The marks that the plugin has for this do nothing with the present pytest.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        return file.parent.name if file.parent.name in SHARING else str(file)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person ask for the whole crawl: every address as every role in every look takes long."""
    parser.addoption("--thorough", action="store_true", help="the crawl opens every address as every role")


def pytest_configure(config: pytest.Config) -> None:
    """Migrate the template of the test databases while the workers still collect their tests."""
    if getattr(config.option, "numprocesses", None) and "DATABASE_URL" in os.environ:
        Thread(target=migrated_template, name="template database", daemon=True).start()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Take one worker more than cores: many a test waits for a server, a broker or a browser."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatIsShared:
    """Spread the tests over the workers in the order in which they were collected."""
    config.option.loadscopereorder = False
    return ByWhatIsShared(config, log)


@pytest.fixture(scope="session", autouse=True)
def garbage_is_collected_seldom() -> None:
    """Let rows and pages of a test go by their counts; looking for circles among them takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let each worker's database be a copy of one that is migrated."""
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """End what still looks at the database before it is dropped: sessions of killed servers linger for seconds."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest folders first."""
    items.sort(key=lambda item: LONG.index(item.path.parent.name) if item.path.parent.name in LONG else len(LONG))
