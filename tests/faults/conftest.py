"""A broker and a mail server of their own for each test, and workers that end with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.alerts.factories import Mailbox, a_mail_server
from tests.journeys.processes import Broker, Worker, environment, short_folder

SESSIONS = "kpi-fault"  # how the database calls the sessions of the workers


@pytest.fixture
def post() -> Iterator[Mailbox]:
    """A real SMTP server that keeps what it accepts."""
    with a_mail_server(Mailbox()) as mailbox:
        yield mailbox


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker that belongs to the test alone; this process rings there, too."""
    with short_folder() as folder:
        made = Broker(folder)
        made.start()
        try:
            with made.in_use():
                yield made
        finally:
            made.kill()


@pytest.fixture
def worker_of(transactional_db: None, broker: Broker, post: Mailbox, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Return a function that begins a worker; all that were begun are killed before the tables are emptied."""
    begun: list[Worker] = []
    port = settings.MAILERS["default"]["OPTIONS"]["port"]
    shared = environment(broker=broker, smtp_port=port, KPI_SOURCES_DIR=str(tmp_path), PGAPPNAME=SESSIONS)

    def begin(name: str = "one", *, database: str = "", **options: object) -> Worker:
        own = shared | {"DATABASE_URL": database} if database else shared
        worker = Worker.of(tmp_path, own, name=name, **options).begin()
        begun.append(worker)
        return worker

    yield begin
    for worker in begun:
        worker.kill()
