"""Which kinds of source there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kpis.sources.base import Source, SourceError
from kpis.sources.csv_file import CsvFile
from kpis.sources.sql_query import SqlQuery

KINDS = {"csv_file": CsvFile.from_config, "sql_query": SqlQuery.from_config}


def source_of(*, kind: str, config: Any, folder: Path) -> Source:
    """Return the source that `config` describes, its files in `folder`; SourceError says what is wrong with it."""
    if kind not in KINDS:
        raise SourceError(f"{kind} is not a kind of source.")
    return KINDS[kind](config, folder)
