"""What went wrong, as a sentence in the form that programs know (RFC 9457)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import orjson
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

# Among them what a number may be sent as.
GIVEN_BY_THE_CODE = {"body", "query", "path", "header", "said", "decimal", "str"}
log = logging.getLogger(__name__)


class Problem(Exception):
    """A request that is not answered; `detail` says why, what was kept and what to do."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, headers or {}


def not_there(what: str) -> Problem:
    """Return the answer about a thing that does not exist, or not for this token: nobody can tell which."""
    return Problem(404, _("Not found"), _("There is no %(what)s that this token may read.") % {"what": what})


def answer(problem: Problem, **more: Any) -> HttpResponse:
    """Return the problem as a response."""
    content = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        **more,
    }
    response = HttpResponse(
        orjson.dumps(content, default=str),
        status=problem.status,
        content_type="application/problem+json",
        headers=problem.headers,
    )
    response["Cache-Control"] = "no-store"
    return response


def answer_with_problems(api: NinjaAPI) -> None:
    """Let the interface answer everything that goes wrong as a problem."""

    @api.exception_handler(Problem)
    def refused(request: HttpRequest, problem: Problem) -> HttpResponse:
        return answer(problem)

    @api.exception_handler(AuthenticationError)
    def not_let_in(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return answer(
            Problem(
                401,
                _("Token wanted"),
                _("Send a valid token in the header “Authorization: Bearer kpi_…”. It may be wrong, over or revoked."),
                {"WWW-Authenticate": "Bearer"},
            )
        )

    @api.exception_handler(ValidationError)
    def not_understood(request: HttpRequest, error: ValidationError) -> HttpResponse:
        problem = Problem(422, _("Not understood"), _("Some of what was sent makes no sense. Nothing was recorded."))
        why: dict[str, list[str]] = defaultdict(list)
        for one in error.errors[:100]:
            why[_where(one["loc"])].append(_why(one))
        return answer(problem, errors=[{"where": where, "why": "; ".join(said)} for where, said in why.items()])

    @api.exception_handler(HttpError)
    def not_read(request: HttpRequest, error: HttpError) -> HttpResponse:
        detail = _("The body is not JSON, or holds no plain numbers. Nothing was recorded.")
        return answer(Problem(error.status_code, _("Not JSON"), detail))

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(not_there(_("such thing")))

    @api.exception_handler(Exception)
    def failed(request: HttpRequest, error: Exception) -> HttpResponse:
        log.exception("%s %s failed", request.method, request.path)
        return answer(
            Problem(500, _("Failed"), _("Something went wrong on our side. Nothing was recorded; send it again later."))
        )


def _why(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return _("There is no such field.")
        case "missing":
            return _("It is wanted.")
    return str(error["msg"])


def _where(place: tuple[Any, ...]) -> str:
    """Return where in the request it is, like measurements.3.value: without the names that the code gives."""
    return ".".join(str(part) for part in place if part not in GIVEN_BY_THE_CODE)
