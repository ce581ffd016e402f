"""The interface: its parts, and the description of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ninja import NinjaAPI

from kpiplatform.api.v1 import kpis, measurements, pushing, scorecard
from kpiplatform.api.v1.form import ExactJson, Json, for_programs
from kpiplatform.api.v1.problems import answer_with_problems

PREFIX = "api/v1"
INTRODUCTION = """\
Programs read KPIs, measurements and the scorecard, and push measurements.
Send a token in the header “Authorization: Bearer kpi_…”. It acts as its person and never opens more than they may see.
Numbers are texts, digit for digit, with a point as decimal mark.
Lists are read page by page: “next” is the address of the following page, and empty at the end.
Answers carry an ETag. Send it back as If-None-Match and get 304 where nothing changed.
What goes wrong is answered as application/problem+json, with a sentence."""

PROBLEM = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what happened, what was kept, what to do"},
        "errors": {
            "description": "with status 422: where in the request, and why",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "why": {"type": "string"}},
            },
        },
    },
}
# What can go wrong, and at which addresses.
WRONG: dict[int, tuple[str, Callable[[str, str], bool]]] = {
    400: ("The body is not JSON.", lambda method, path: method == "post"),
    401: ("The token is missing, wrong, over or revoked.", lambda method, path: True),
    403: ("The token lacks the scope.", lambda method, path: True),
    404: ("No such thing, or not for this token.", lambda method, path: "{" in path),
    409: ("A period was locked at this moment: send it again.", lambda method, path: method == "post"),
    413: ("More than this installation takes: send fewer rows.", lambda method, path: method == "post"),
    422: ("Not understood.", lambda method, path: True),
    429: ("Too often: Retry-After says how long to wait.", lambda method, path: True),
}

api = NinjaAPI(
    title="KPI platform",
    version="1",
    description=INTRODUCTION,
    openapi_url=None,
    docs_url=None,
    renderer=Json(),
    parser=ExactJson(),
)
answer_with_problems(api)
for part in (kpis, measurements, scorecard, pushing):
    api.add_router("", part.router)


def patterns() -> list[Any]:
    """Return the addresses of the interface, below the prefix."""
    found = [one for one in api.urls[0] if one.name != "api-root"]
    for one in found:
        one.callback = for_programs(one.callback)
    return found


def description() -> dict[str, Any]:
    """Return the interface as OpenAPI describes it, with what goes wrong at each address."""
    described = dict(api.get_openapi_schema(path_prefix=f"{PREFIX}/"))
    described["components"]["schemas"]["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for status, (says, goes_for) in WRONG.items():
                if goes_for(method, path):
                    operation["responses"][status] = {"description": says, "content": content}
    return described
