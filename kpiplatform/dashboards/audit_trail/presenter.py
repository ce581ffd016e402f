"""Entries of the audit trail in words: what was done to what, by whom, and each column before and after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import orjson
from django.apps import apps
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from kpiplatform.audit.models import AuditEntry
from kpiplatform.cells import Cell
from kpiplatform.dashboards.audit_trail.queries import names_of
from kpis.dates import moment

HEAD = ("entry", "at", "who", "what", "thing", "row", "action", "before", "after")
# Nothing that opens a door is shown, whatever a table calls it.
SECRET = re.compile(r"passw|secret|token|credential|cipher|hash|key", re.IGNORECASE)
SHORT = re.compile(r"\b(?:kpi|api)\b")
NAMED_BY = ("name", "title", "text", "email", "code")
LONGEST = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One column of a row, before and after."""

    column: str
    was: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry, ready to print."""

    pk: int
    at: str
    who: str
    did: str
    what: str
    thing: str
    table: str
    row: str
    changes: Sequence[Change]


def rows_of(entries: Sequence[AuditEntry], zone: tzinfo) -> list[Row]:
    """Return the lines of the page."""
    people, kpis = names_of(entries)
    tables, system = dict(tables_in_words()), _("the system")
    return [
        Row(
            pk=one.pk,
            at=moment(one.at, zone),
            who=_who(one, people, system),
            did={"INSERT": _("added"), "UPDATE": _("changed"), "DELETE": _("removed")}[one.action],
            what=tables.get(one.table, one.table),
            thing=_thing(one, kpis),
            table=one.table,
            row=one.row,
            changes=list(_changes(one)),
        )
        for one in entries
    ]


def lines_of(entries: Sequence[AuditEntry]) -> Iterator[list[Cell]]:
    """Yield the lines of the file."""
    people, kpis = names_of(entries)
    tables, system = dict(tables_in_words()), _("the system")
    for one in entries:
        before, after = (_as_text(content) for content in (one.before, one.after))
        what, thing = tables.get(one.table, one.table), _thing(one, kpis)
        yield [one.pk, one.at, _who(one, people, system), what, thing, one.row, one.action.lower(), before, after]


def tables_in_words() -> list[tuple[str, str]]:
    """Return the tables of the product with what a row of each is called, by that name."""
    found = [
        (model._meta.db_table, _words(str(model._meta.verbose_name)))
        for model in apps.get_models(include_auto_created=True)
        if model.__module__.split(".")[0] in {"kpiplatform", "objectives", "kpis", "initiatives", "reviews", "alerts"}
    ]
    return sorted(found, key=lambda one: one[1])


def _words(name: str) -> str:
    """Return what a model is called, with its short words as they are written."""
    return str(capfirst(SHORT.sub(lambda short: short[0].upper(), name)))


def _who(entry: AuditEntry, people: Mapping[int, str], system: str) -> str:
    return people.get(entry.actor, f"#{entry.actor}") if entry.actor else system


def _thing(entry: AuditEntry, kpis: Mapping[int, str]) -> str:
    content: dict[str, Any] = entry.after or entry.before or {}
    name = next((str(content[key]) for key in NAMED_BY if content.get(key)), "")
    return name[:LONGEST] or kpis.get(content.get("kpi_id", 0), "") or f"#{entry.row}"


def _changes(entry: AuditEntry) -> Iterator[Change]:
    before, after = entry.before or {}, entry.after or {}
    for column in dict.fromkeys([*before, *after]):
        if column == "id":
            continue
        was, now = before.get(column), after.get(column)
        if was != now and not (entry.action != "UPDATE" and (was or now) in (None, "", [], {})):
            told = (_masked(column, was), _masked(column, now))
            yield Change(column=column.replace("_", " "), was=_short(told[0]), now=_short(told[1]))


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _masked(column: str, value: Any) -> Any:
    return _("not shown") if SECRET.search(column) and value not in (None, "") else value


def _as_text(content: dict[str, Any] | None) -> str:
    if content is None:
        return ""
    return orjson.dumps({column: _masked(column, value) for column, value in content.items()}).decode()
