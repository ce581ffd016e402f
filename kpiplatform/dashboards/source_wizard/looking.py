"""The first look at a source: what it stores of it, and what the guesses suggest for reading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import ChangedMeanwhile, seen
from kpiplatform.dashboards.models import SourceSetup
from kpis.domain.sentences import Sentence
from kpis.models import DataSource
from kpis.services.connecting import ASKED, set_access
from kpis.services.credentials import secrets_of
from kpis.services.reaching import preview_of, tables_of_database, writing_of
from kpis.sources.base import SourceError
from kpis.sources.registry import settings_of
from kpis.sources.source import Shown

ROWS_KEPT = 20
OF_TABLES = ("tables", "are_all", "find")
WRITTEN = {"csv_file": {"encoding", "delimiter"}, "xlsx_file": {"sheet", "header_row"}}


def look(*, source: DataSource, setup: SourceSetup, now: datetime) -> bool:
    """Read the first rows and keep them, or the sentence why there are none; return whether there are some."""
    try:
        found = preview_of(
            kind=source.kind,
            config=source.config,
            secrets=secrets_of(source),
            now=now,
            upload=source.uploads.first() if source.config.get("origin") == "upload" else None,
        )
    except SourceError as error:
        setup.look = {**setup.look, "error": error.why.to_store()}
    else:
        # How the first file was written says nothing of those that follow it.
        kept = [*OF_TABLES] + ([] if source.mappings.exists() else ["written"])
        setup.look = {
            **{name: setup.look[name] for name in kept if name in setup.look},
            "error": None,
            "columns": [column.name for column in found.after.columns],
            "before": _stored(found.before),
            "after": _stored(found.after),
            "refusals": [
                {"line": refusal.line, "why": refusal.why.to_store()} for refusal in found.refusals[:ROWS_KEPT]
            ],
            "days_unread": found.days_unread,
            "choices": {name: list(names) for name, names in found.choices.items()},
        }
    setup.save()
    return not setup.look["error"]


def as_written(*, source: DataSource, setup: SourceSetup, by: User, now: datetime) -> DataSource:
    """Return the source with what its file itself suggests, where nobody has said anything yet.

    That is encoding and delimiter, or sheet and row of the column names. What was found is kept, so that the next page
    says it. A source that feeds KPIs, cannot be read or is changed by somebody else meanwhile is left as it is.
    """
    asked = WRITTEN.get(source.kind, set())
    if not asked or setup.look.get("columns") or asked & source.config.keys() or source.mappings.exists():
        return source
    try:
        found = writing_of(source)
        named = [one for one in settings_of(source.kind) if one.name in asked & found.keys()]
        config = source.config | {one.name: found[one.name] for one in named if found[one.name] != one.default}
        written = set_access(source=source, seen=seen(source, ASKED), config=config, secrets={}, by=by, now=now)
    except (SourceError, ChangedMeanwhile):
        return source
    if config != source.config:
        setup.look = {**setup.look, "written": dict(found)}
        setup.save()
    return written


def look_at_tables(*, source: DataSource, setup: SourceSetup, find: str, now: datetime) -> None:
    """Ask the database which tables it has, of some name, and keep them, or the sentence why it does not say."""
    try:
        held = tables_of_database(source=source, find=find, now=now)
    except SourceError as error:
        known = {name: kept for name, kept in setup.look.items() if name not in OF_TABLES}
        setup.look = {**known, "error": error.why.to_store()}
    else:
        tables = [{"name": one.name, "columns": one.columns, "query": one.query} for one in held.tables]
        setup.look = {**setup.look, "error": None, "tables": tables, "are_all": held.are_all, "find": find}
    setup.save()


def suggested(look: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the first rows suggest for settings that nobody has chosen yet."""
    columns = look.get("after", {}).get("columns", [])
    days = [column for column in columns if column["kind"] == "day"]
    found: dict[str, Any] = {}
    if days:
        found["date_column"] = days[0]["name"]
        if len(days[0]["dates"]) == 1:
            found["date_format"] = days[0]["dates"][0]
    return found | _way_of_numbers([column for column in columns if column["kind"] == "number" and column["fits"]])


def _way_of_numbers(columns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how all columns of numbers can be read; nothing where a person has to say it."""
    marks = [[(way["decimal"], way["grouping"]) for way in column.get("fits", ())] for column in columns]
    ways = [way for way in marks[0] if all(way in others for others in marks)] if marks else []
    if not ways or (len(ways) > 1 and any(len(column["numbers"]) > 1 for column in columns)):
        return {}
    signs = {name: any(column["fits"][0][name] for column in columns) for name in ("percent", "accounting")}
    return {"decimal": ways[0][0], "grouping": ways[0][1]} | signs


def rows_shown(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return rows that were kept with what each column seems to hold, in the reader's language."""
    return {**rows, "columns": [column | {"says": _says(column)} for column in rows.get("columns", [])]}


def written_shown(look: Mapping[str, Any]) -> dict[str, str] | None:
    """Return how the file was found to be written, in words; None where somebody said it."""
    found = look.get("written")
    if not found or look.get("error"):
        return None
    if "sheet" in found:
        return {"sheet": found["sheet"], "row": str(found["header_row"])}
    marks = {"\t": _("tabs"), ",": _("commas"), ";": _("semicolons"), "|": _("vertical bars")}
    return {"encoding": found["encoding"], "marks": marks[found["delimiter"]]}


def days_unread(look: Mapping[str, Any], date_column: str) -> str:
    """Say that the days of the first rows are not written as is said, and how they seem to be; "" where they are."""
    if not look.get("days_unread"):
        return ""
    columns = look.get("after", {}).get("columns", [])
    formats = next((column["dates"] for column in columns if column["name"] == date_column), [])
    says = _("The days in %(column)s are not written so: see the lines that could not be read.")
    if formats:
        says = _("The days in %(column)s are not written so. They seem to be written %(formats)s.")
    return says % {"column": date_column, "formats": _(" or ").join(formats)}


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
                "numbers": [asdict(way) for way in column.guess.number_formats],
                "fits": [asdict(way) for way in column.guess.fits],
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
