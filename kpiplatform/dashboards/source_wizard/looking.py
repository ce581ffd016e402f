"""The first look at a source: what it stores of it, and what the guesses suggest for reading it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from kpiplatform.dashboards.models import SourceSetup
from kpis.domain.sentences import Sentence
from kpis.models import DataSource
from kpis.services.credentials import secrets_of
from kpis.services.reaching import preview_of, tables_of_database
from kpis.sources.base import SourceError
from kpis.sources.source import Shown

ROWS_KEPT = 20


def look(*, source: DataSource, setup: SourceSetup, now: datetime) -> bool:
    """Read the first rows and keep them, or the sentence why there are none; return whether there are some."""
    try:
        seen = preview_of(
            kind=source.kind,
            config=source.config,
            secrets=secrets_of(source),
            now=now,
            upload=source.uploads.first() if source.config.get("origin") == "upload" else None,
        )
    except SourceError as error:
        setup.look = {**setup.look, "error": error.why.to_store()}
    else:
        setup.look = {
            **{name: setup.look[name] for name in ("tables",) if name in setup.look},
            "error": None,
            "columns": [column.name for column in seen.after.columns],
            "before": _stored(seen.before),
            "after": _stored(seen.after),
            "refusals": [
                {"line": refusal.line, "why": refusal.why.to_store()} for refusal in seen.refusals[:ROWS_KEPT]
            ],
            "choices": {name: list(names) for name, names in seen.choices.items()},
        }
    setup.save()
    return not setup.look["error"]


def look_at_tables(*, source: DataSource, setup: SourceSetup, now: datetime) -> None:
    """Ask the database which tables it has and keep them, or the sentence why it does not say."""
    try:
        held = tables_of_database(source=source, now=now)
    except SourceError as error:
        setup.look = {**setup.look, "error": error.why.to_store(), "tables": []}
    else:
        tables = [{"name": one.name, "columns": one.columns, "query": one.query} for one in held]
        setup.look = {**setup.look, "error": None, "tables": tables}
    setup.save()


def suggested(look: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the first rows suggest for settings that nobody has chosen yet."""
    columns = look.get("before", {}).get("columns", [])
    days = [column for column in columns if column["kind"] == "day"]
    found: dict[str, Any] = {}
    if days:
        found["date_column"] = days[0]["name"]
        if len(days[0]["dates"]) == 1:
            found["date_format"] = days[0]["dates"][0]
    ways = [column["numbers"][0] for column in columns if column["kind"] == "number" and len(column["numbers"]) == 1]
    if ways and all(way == ways[0] for way in ways):
        found |= ways[0]
    return found


def rows_shown(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return rows that were kept with what each column seems to hold, in the reader's language."""
    return {**rows, "columns": [column | {"says": _says(column)} for column in rows.get("columns", [])]}


def with_sentences(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was kept of a look or a try with its sentences as what words are made of."""
    return {
        **found,
        "error": Sentence.stored(found["error"]) if found.get("error") else None,
        "refusals": [one | {"why": Sentence.stored(one["why"])} for one in found.get("refusals", [])],
    }


def _stored(shown: Shown) -> dict[str, Any]:
    return {
        "columns": [
            {
                "name": column.name,
                "kind": column.guess.kind,
                "dates": list(column.guess.date_formats),
                "numbers": [{"decimal": way.decimal, "grouping": way.grouping} for way in column.guess.number_formats],
            }
            for column in shown.columns
        ],
        "rows": [
            {"line": line, "cells": list(cells)}
            for line, cells in list(zip(shown.lines, shown.rows, strict=True))[:ROWS_KEPT]
        ],
    }


def _says(column: Mapping[str, Any]) -> str:
    """Say what a column seems to hold; where it can be read in two ways, that a person has to choose."""
    if column["kind"] == "day":
        return _("day, %(format)s") % {"format": _(" or ").join(column["dates"])}
    if column["kind"] == "number" and len(column["numbers"]) > 1:
        return _("number: say which mark is the decimal one")
    return {"number": _("number"), "text": _("text"), "empty": _("empty")}[column["kind"]]
