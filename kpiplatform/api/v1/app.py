"""The interface: its parts, and the description of itself."""

from __future__ import annotations

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
    """Return the interface as OpenAPI describes it."""
    return dict(api.get_openapi_schema(path_prefix=f"{PREFIX}/"))
