"""The description of the interface as people read it, made of the one that programs read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A parameter of a request, or a field of a body or an answer; `depth` is how far inside it stands."""

    name: str
    kind: str
    says: str
    wanted: bool
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What can be asked at one address."""

    slug: str
    method: str
    path: str
    title: str
    says: str
    parameters: list[Field]
    body: list[Field]
    answer: list[Field]


def operations(description: Mapping[str, Any]) -> list[Operation]:
    """Return everything that can be asked, in the order of the description."""
    found = []
    for path, methods in description["paths"].items():
        for method in METHODS:
            if method in methods:
                found.append(_operation(method, path, methods[method], description["components"]["schemas"]))
    return found


def _operation(method: str, path: str, said: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answer = said["responses"][200].get("content", {}).get("application/json", {}).get("schema")
    return Operation(
        slug=f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        method=method.upper(),
        path=path,
        title=said["summary"],
        says=said.get("description", ""),
        parameters=[
            Field(
                name=one["name"],
                kind=_kind(one["schema"]),
                says=one.get("description") or one["schema"].get("description", ""),
                wanted=one.get("required", False),
            )
            for one in said.get("parameters", [])
        ],
        body=_fields(body, schemas, 0),
        answer=_fields(answer, schemas, 0),
    )


def _fields(schema: Mapping[str, Any] | None, schemas: Mapping[str, Any], depth: int) -> list[Field]:
    """Return the fields of a schema, those of schemas inside below them."""
    found: list[Field] = []
    known = _known(schema, schemas) if schema else None
    if known is None:
        return found
    for name, one in known.get("properties", {}).items():
        wanted = name in known.get("required", [])
        found.append(Field(name=name, kind=_kind(one), says=one.get("description", ""), wanted=wanted, depth=depth))
        found += _fields(one, schemas, depth + 1)
    return found


def _known(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema that is referred to, also by a list or as one of several."""
    if "$ref" in schema:
        found: Mapping[str, Any] = schemas[schema["$ref"].rpartition("/")[2]]
        return found
    inside = [schema["items"]] if "items" in schema else schema.get("anyOf", []) + schema.get("allOf", [])
    return next((found for one in inside if (found := _known(one, schemas)) is not None), None)


def _kind(schema: Mapping[str, Any]) -> str:
    """Return what stands in a field, in words."""
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"] if one)
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(one) for one in schema["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "$ref" in schema:
        return "object"
    kind = str(schema.get("format") or schema.get("type", ""))
    return {"decimal": "number as text", "string": "text", "boolean": "yes or no", "integer": "number"}.get(kind, kind)
