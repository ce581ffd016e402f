"""Pushing measurements."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Header, Router, Schema
from pydantic import ConfigDict, Field, StringConstraints

from kpiplatform.api.services.pushing import (
    LONGEST_NOTE,
    LONGEST_REASON,
    NEW,
    REFUSED,
    REVISED,
    ROWS_AT_MOST,
    UNCHANGED,
    Doubted,
    KeyUsed,
    Row,
    push_measurements,
)
from kpiplatform.api.v1.access import INGEST
from kpiplatform.api.v1.form import Words, sent_digest
from kpiplatform.api.v1.problems import Problem
from kpiplatform.audit.actor import acting
from kpis.readings import Conflict, PeriodLocked
from kpis.words import in_words

router = Router(tags=["Measurements"])
# A field with another name is a slip, and what it holds would be lost.
NOTHING_ELSE = ConfigDict(extra="forbid")
Figure = Annotated[Decimal | Words | None, Field(description="a number, or a text with a point as decimal mark")]


class Said(Schema):
    """The value of one KPI in one period: a value, the two parts of a ratio, or why the period does not apply."""

    model_config = NOTHING_ELSE

    kpi: Words = Field(description="code of the KPI", examples=["OTP-LGA"], max_length=80)
    period: Words = Field(
        description="key of the period, like 2026-W46, 2026-11 or 2026-Q4, or its first day", max_length=20
    )
    value: Figure = Field(None, examples=["81.25"])
    numerator: Figure = None
    denominator: Figure = Field(None, description="of a ratio; or the weight of a value that is averaged by weight")
    provisional: bool = Field(False, description="the value may still change; that of a period still open always is")
    not_applicable: Words = Field(
        "", description="instead of a value: why the period has none", max_length=LONGEST_REASON
    )


class Push(Schema):
    """Up to 10,000 measurements, each recorded or refused by itself."""

    model_config = NOTHING_ELSE

    measurements: list[Said] = Field(min_length=1, max_length=ROWS_AT_MOST)
    note: Annotated[Words, StringConstraints(strip_whitespace=True, max_length=LONGEST_NOTE)] = Field(
        "",
        description="why, kept with every value; wanted for KPIs that a source feeds, and where another value stands "
        "for a period before the latest closed one",
    )
    sure: bool = Field(
        False, description="the values are right although they are a hundred times more or less than those before"
    )


class Result(Schema):
    """What became of a row, in the order of the rows."""

    kpi: str
    period: str
    status: str = Field(description="new, revised, unchanged or refused")
    detail: str = Field("", description="why it was refused")
    stands: str | None = Field(None, description="the value that stands now")
    confidence: str = Field("", description="grade of the value that stands, A to E")


class Pushed(Schema):
    """How many rows came to what, and each row's result."""

    new: int
    revised: int
    unchanged: int
    refused: int
    results: list[Result]


@router.post("/measurements", response=Pushed, auth=INGEST, url_name="push", summary="Push measurements")
def push(
    request: HttpRequest,
    response: HttpResponse,
    said: Push,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="the same key and body again get the same answer for a day",
        ),
    ] = "",
) -> dict[str, Any]:
    """Record values. Equal values change nothing, so that the same push may be sent again at any time.

    Programs are not asked what people are: an unusual move and a low score are taken as they come, and a KPI whose
    values wait for approval is refused. Where values leap to another magnitude, as in another unit, or make many that
    stand 0, nothing is recorded (422) unless `sure` says that they are right.
    """
    rows = [Row(**one.dict()) for one in said.measurements]
    try:
        with acting(request.auth.user.pk):
            results, replayed = push_measurements(
                caller=request.auth,
                rows=rows,
                note=said.note,
                key=idempotency_key,
                body_sha256=sent_digest(request),
                sure=said.sure,
            )
    except KeyUsed:
        detail = _("This Idempotency-Key came with another body before. Nothing was recorded; use a new key.")
        raise Problem(422, _("Key used"), detail) from None
    except Doubted as doubted:
        words = {"why": in_words(doubted.why, locale="en")}
        detail = _("%(why)s Nothing was recorded. If the values are right, send them with “sure”: true.") % words
        raise Problem(422, _("Another magnitude"), detail) from None
    except (PeriodLocked, Conflict):
        detail = _("A period was locked at this moment. Nothing was recorded; send it again.")
        raise Problem(409, _("Locked meanwhile"), detail) from None
    if replayed:
        response["Idempotency-Replayed"] = "true"
    counts = {status: 0 for status in (NEW, REVISED, UNCHANGED, REFUSED)}
    for one in results:
        counts[one["status"]] += 1
    return counts | {"results": results}
