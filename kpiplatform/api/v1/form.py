"""How numbers, pages and answers look on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import wraps
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Schema
from ninja.errors import ValidationError
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from kpiplatform.api.v1.problems import Problem, answer
from kpiplatform.cells import plain_number
from kpis.domain.days import FIRST_YEAR, LAST_YEAR

PAGE, LONGEST_PAGE = 100, 1000
TOO_LARGE = gettext_lazy(
    "The request is larger than this installation takes. Nothing was recorded; send fewer rows at once."
)

# Digit for digit: a number of JSON would be read as the nearest float.
Number = Annotated[
    Decimal,
    PlainSerializer(plain_number, return_type=str),
    WithJsonSchema({"type": "string", "format": "decimal", "examples": ["81.25"]}),
]


Most = Annotated[
    int, Field(ge=1, le=LONGEST_PAGE, description=f"how many at once, 1 to {LONGEST_PAGE}; {PAGE} unless said")
]

# The days that calendars know.
Day = Annotated[date, Field(ge=date(FIRST_YEAR, 1, 1), le=date(LAST_YEAR, 12, 31))]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "It has the character NUL, which no text has.")
    return text


# A text as the database takes it.
Words = Annotated[str, AfterValidator(_without_nul)]


class Json(BaseRenderer):
    """Answers as JSON."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data)


class ExactJson(Parser):
    """Reads JSON with every digit of its numbers; what is no JSON is answered by `problems`."""

    def parse_body(self, request: HttpRequest) -> Any:
        return json.loads(request.body, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)


def _no_number(text: str) -> Decimal:
    raise ValueError(f"{text} is no number")


def refuse_other_names(request: HttpRequest, asked: Schema) -> None:
    """Refuse a question that names what nobody answers: a slip, and the answer would be about something else."""
    others = [name for name in request.GET if name not in type(asked).model_fields]
    if others:
        raise ValidationError([{"type": "extra_forbidden", "loc": ("query", name), "msg": ""} for name in others])


def following(request: HttpRequest, after: str) -> str:
    """Return the address of the next page: the same question, after the last row of this one."""
    asked = {**request.GET.dict(), "after": after}
    return f"{request.path}?{urlencode(asked)}"


def for_programs(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let programs in without a session, answer what they have already with 304, and every refusal as a problem."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            request.body  # noqa: B018 (read once, here: it may be too large)
        except RequestDataTooBig:
            return answer(Problem(413, _("Too large"), TOO_LARGE))
        response = view(request, *args, **kwargs)
        if response.status_code == 405:
            words = {"method": request.method, "allowed": response["Allow"]}
            detail = _("%(method)s is not answered here, but %(allowed)s is.") % words
            return answer(Problem(405, _("Wrong method"), detail, {"Allow": response["Allow"]}))
        patch_vary_headers(response, ["Authorization"])
        if request.method != "GET" or response.status_code != 200:
            return response
        response["Cache-Control"] = "private, no-cache"
        response["ETag"] = f'"{sha256(response.content).hexdigest()[:32]}"'
        return get_conditional_response(request, etag=response["ETag"], response=response) or response

    return login_not_required(answered)


def sent_digest(request: HttpRequest) -> str:
    """Return the fingerprint of what was sent."""
    return sha256(request.body).hexdigest()
