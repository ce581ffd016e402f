"""A KPI with the rows that stand one to one beside it, in one written statement.

What `select_related` does, with the statement put together once and not for each page: that takes longer than
PostgreSQL takes to answer it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Field, Model, QuerySet

from kpis.models import Kpi

BESIDE = (
    "objective",
    "objective__perspective",
    "objective__unit",
    "unit",
    "calendar",
    "state",
    "mapping",
    "mapping__source",
    "mapping__source__agreement",
)


class _Part(NamedTuple):
    """A model of which a row is read: where it hangs, its columns, and those that come as another type."""

    holder: int
    link: Any
    model: type[Model]
    names: tuple[str, ...]
    converters: tuple[tuple[int, Any], ...]


def whole_kpi(kpis: QuerySet[Kpi], code: str) -> Kpi:
    """Return the one of `kpis` that has the code; raises Kpi.DoesNotExist where there is none."""
    try:
        seen, parameters = kpis.filter(code=code).order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        raise Kpi.DoesNotExist from None
    statement, parts = _plan()
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} WHERE t0.id = ({seen})", parameters)
        row = cursor.fetchone()
    if row is None:
        raise Kpi.DoesNotExist
    return _put_together(row, parts)


@cache
def _plan() -> tuple[str, tuple[_Part, ...]]:
    """Return the statement up to its condition, and what its columns are made into."""
    parts, places, joins = [_part(0, None, Kpi)], {"": 0}, ["kpis_kpi t0"]
    for path in BESIDE:
        above, _dot, name = path.rpartition("__")
        holder, place = places[above], len(parts)
        link: Any = parts[holder].model._meta.get_field(name)
        [(mine, its)] = link.get_joining_fields()
        table = link.related_model._meta.db_table
        joins.append(f"LEFT JOIN {table} t{place} ON t{place}.{its.column} = t{holder}.{mine.column}")
        parts.append(_part(holder, link, link.related_model))
        places[path] = place
    columns = [f't{place}."{field.column}"' for place, part in enumerate(parts) for field in _fields(part.model)]
    return f"SELECT {', '.join(columns)} FROM {' '.join(joins)}", tuple(parts)


def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    return list(model._meta.concrete_fields)


def _part(holder: int, link: Any, model: type[Model]) -> _Part:
    fields = _fields(model)
    converted = [(index, one.get_db_converters(connection)) for index, one in enumerate(fields)]
    return _Part(
        holder,
        link,
        model,
        tuple(field.attname for field in fields),
        tuple((index, convert) for index, converters in converted for convert in converters),
    )


def _put_together(row: tuple[Any, ...], parts: tuple[_Part, ...]) -> Kpi:
    found: list[Any] = []
    at = 0
    for part in parts:
        values = list(row[at : at + len(part.names)])
        at += len(part.names)
        for index, convert in part.converters:
            values[index] = convert(values[index], None, connection)
        key = part.names.index(part.model._meta.pk.attname)
        found.append(None if values[key] is None else part.model.from_db(connection.alias, part.names, values))
        holder = found[part.holder]
        if part.link is None or holder is None:
            continue
        part.link.set_cached_value(holder, found[-1])
        if found[-1] is not None and part.link.one_to_one:
            part.link.remote_field.set_cached_value(found[-1], holder)
    return found[0]
