"""Reaching a source: its settings with its secrets, the file that was sent in, and what the installation allows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings

from kpis.models import DataSource, SourceUpload
from kpis.services.credentials import secrets_of
from kpis.sources.base import Limits, Place
from kpis.sources.settings import READING
from objectives.queries import organisation

if TYPE_CHECKING:
    from kpis.sources.catalogue import Held
    from kpis.sources.source import Preview, Source

MIB = 1024 * 1024
# While somebody waits for a page.
SECONDS_OF_A_PAGE = 30.0


def the_place(*, sent: Path | None = None, for_a_page: bool = False) -> Place:
    """Return what sources find around them in this installation; with less time where somebody waits for a page."""
    seconds = settings.KPI_SOURCE_MAX_SECONDS
    return Place(
        folder=Path(settings.KPI_SOURCES_DIR),
        sent=sent,
        zone=organisation().time_zone,
        allow=tuple(settings.KPI_EGRESS_ALLOW),
        limits=Limits(
            rows=settings.KPI_SOURCE_MAX_ROWS,
            size=settings.KPI_SOURCE_MAX_MB * MIB,
            seconds=min(SECONDS_OF_A_PAGE, seconds) if for_a_page else seconds,
            memory=settings.KPI_SOURCE_MEMORY_MB * MIB,
        ),
    )


@contextmanager
def reached(source: DataSource, *, for_a_page: bool = False) -> Iterator[Source]:
    """Give the source ready to be read; its newest file lies beside it meanwhile. SourceError if it can't be."""
    from kpis.sources.source import source_of

    with _spooled(source.uploads.first() if source.config.get("origin") == "upload" else None) as sent:
        place = the_place(sent=sent, for_a_page=for_a_page)
        yield source_of(kind=source.kind, config=source.config, place=place, secrets=secrets_of(source))


def preview_of(
    *, kind: str, config: Any, secrets: Mapping[str, str], now: datetime, upload: SourceUpload | None = None
) -> Preview:
    """Return the first rows that settings lead to, whether or not they are stored. SourceError says why there are none.

    No transaction is to be open: it asks other machines.
    """
    from kpis.sources.source import source_of

    with _spooled(upload) as sent:
        place = the_place(sent=sent, for_a_page=True)
        source = source_of(kind=kind, config=config, place=place, secrets=secrets)
        return source.preview(until=now.astimezone(ZoneInfo(place.zone)).date())


def writing_of(source: DataSource) -> Mapping[str, Any]:
    """Return the settings that the file of a source itself suggests. SourceError if it cannot be read.

    No transaction is to be open: it asks other machines.
    """
    with reached(source, for_a_page=True) as reader:
        return reader.writing()


def tables_of_database(*, source: DataSource, find: str = "", now: datetime) -> Held:
    """Return the tables that the database of a source holds, whatever its query is. SourceError says why not.

    With `find` only those that have it in their name.

    No transaction is to be open: it asks other machines.
    """
    from kpis.sources.catalogue import tables_of

    read_by = {setting.name for setting in READING}
    config = {name: value for name, value in source.config.items() if name not in read_by}
    place = the_place(for_a_page=True)
    today = now.astimezone(ZoneInfo(place.zone)).date()
    return tables_of(config=config, place=place, secrets=secrets_of(source), today=today, find=find)


@contextmanager
def _spooled(upload: SourceUpload | None) -> Iterator[Path | None]:
    """Give a file with the bytes of an upload, which is gone afterwards."""
    if upload is None:
        yield None
        return
    with tempfile.NamedTemporaryFile(prefix="kpi-upload-") as file:
        for content in upload.parts.order_by("seq").values_list("content", flat=True).iterator(chunk_size=1):
            file.write(content)
        file.flush()
        yield Path(file.name)
