"""Reading measurements: period by period, by longer periods, and as they were known on a past day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import Field

from kpiplatform.api.queries import Caller
from kpiplatform.api.v1.access import READ
from kpiplatform.api.v1.form import PAGE, Day, Most, Number, following, refuse_other_names
from kpiplatform.api.v1.known import judged, reach_known, values_known
from kpiplatform.api.v1.kpis import kpi_or_problem
from kpiplatform.api.v1.problems import Problem
from kpis.as_known import define_as_known
from kpis.calculations import by_formula
from kpis.domain.aggregation import Aggregate, Value, aggregate
from kpis.domain.over_time import Part, Span, frequencies_from, spans
from kpis.domain.periods import Calendar, Period, period_of, periods_between
from kpis.evidence import Key
from kpis.grades import confidence_of, grades_together
from kpis.models import Kpi
from kpis.queries import calendars
from kpis.readings import NOT_APPLICABLE
from objectives.queries import organisation

router = Router(tags=["Measurements"])
DAY = timedelta(days=1)
JUDGED = {
    "goal": "goal", "red_flag": "red_flag", "goal_high": "goal_high", "red_flag_high": "red_high", "score": "score",
    "band": "band", "none_because": "no_band_reason",
}  # fmt: skip
Often = Literal["", "day", "week", "month", "quarter", "half_year", "year"]


class Asked(Schema):
    """Which periods, of which length, as known when."""

    frequency: Often = Field("", description="of the periods; empty for the KPI's own, or a longer one")
    since: Day | None = Field(None, description="first day: periods that end after it")
    until: Day | None = Field(None, description="last day: periods that start by it")
    known_on: Day | None = Field(None, description="as known at the end of this day; empty for now")
    after: Day | None = Field(None, description="first day of the last period of the page before")
    limit: Most = PAGE


class MeasurementOut(Schema):
    """A value, and for a longer period what it is made of."""

    period: str
    starts_on: date
    ends_on: date = Field(description="last day")
    value: Number | None = None
    numerator: Number | None = None
    denominator: Number | None = None
    state: str = Field(description="reported, provisional, not_applicable; or open, incomplete, complete, no_value")
    reason: str = Field("", description="why there is no value")
    revision: int | None = None
    recorded_at: datetime | None = None
    goal: Number | None = None
    red_flag: Number | None = None
    goal_high: Number | None = Field(None, description="of a range: its upper end, and goal is the lower one")
    red_flag_high: Number | None = None
    score: Number | None = None
    band: str = Field("", description="on_track, at_risk, off_track, or empty without band")
    none_because: str = Field("", description="why there is no band")
    confidence: str = Field("", description="grade A to E; of a longer period that of the weakest of its newest values")
    periods_present: int | None = Field(None, description="of a longer period: how many values it is made of")
    periods_due: int | None = Field(None, description="of a longer period: how many there should be")


class MeasurementPage(Schema):
    """Some periods, oldest first; `next` leads on, and is empty at the end."""

    kpi: str
    frequency: str
    measure_unit: str
    items: list[MeasurementOut]
    next: str = ""


@router.get(
    "/kpis/{code}/measurements",
    response=MeasurementPage,
    auth=READ,
    url_name="measurements",
    summary="Read the measurements of a KPI",
    exclude_none=True,
)
def measurements(request: HttpRequest, code: str, said: Query[Asked]) -> dict[str, Any]:
    """Values oldest first. By a longer period they are aggregated as the KPI says, with their coverage.

    What a period does not have is left out.
    """
    refuse_other_names(request, said)
    caller: Caller = request.auth
    zone = ZoneInfo(organisation().time_zone)
    known_at = datetime.combine(said.known_on + DAY, time.min, zone) if said.known_on else None
    kpi = kpi_or_problem(caller, code, known_at=known_at)
    define_as_known([kpi], known_at)
    calendar = calendars()[kpi.calendar_id]
    frequency = said.frequency or kpi.frequency
    today = said.known_on or caller.now.astimezone(zone).date()
    if frequency == kpi.frequency:
        rows, after = _own(kpi, said, calendar, known_at, today=today)
    elif frequency in frequencies_from(kpi.frequency):
        rows, after = _longer(kpi, said, calendar, known_at, today=today)
    else:
        words = {"code": kpi.code, "often": kpi.get_frequency_display()}
        detail = _("%(code)s is a %(often)s KPI: it has no values of shorter periods.") % words
        raise Problem(422, _("No such values"), detail)
    return {
        "kpi": kpi.code,
        "frequency": frequency,
        "measure_unit": kpi.measure_unit,
        "items": rows,
        "next": following(request, str(after)) if after else "",
    }


def _own(
    kpi: Kpi, said: Asked, calendar: Calendar, known_at: datetime | None, *, today: date
) -> tuple[list[dict[str, Any]], date | None]:
    """Return a page of the KPI's own periods, and after which one the next page begins."""
    rows = values_known(kpi, known_at)
    if said.since:
        rows = rows.filter(period_end__gt=said.since)
    if said.until:
        rows = rows.filter(period_start__lte=said.until)
    if said.after:
        rows = rows.filter(period_start__gt=said.after)
    found = list(rows[: said.limit + 1])
    page = found[: said.limit]
    judgements = judged(kpi, page, known_at)
    grades = _grades(kpi, page, known_at, today)
    more = page[-1].period_start if len(found) > len(page) else None
    return [
        _as_known(row, kpi, calendar, judgements.get(row.period_start))
        | {"confidence": grades.get(row.period_start, "")}
        for row in page
    ], more


def _grades(kpi: Kpi, rows: Sequence[Any], known_at: datetime | None, today: date) -> dict[date, str]:
    """Return the grade of confidence in each value, by the start of its period."""
    keys = [(kpi.pk, row.period_start) for row in rows if row.value is not None]
    return {start: its.grade for (_, start), its in confidence_of(keys, today=today, known_at=known_at).items()}


def _as_known(row: Any, kpi: Kpi, calendar: Calendar, judgement: Any) -> dict[str, Any]:
    names = ("value", "numerator", "denominator", "state", "reason", "recorded_at")
    judged_by = {said: getattr(judgement, name) for said, name in JUDGED.items()} if judgement else {}
    return (
        {name: getattr(row, name) for name in names}
        | {"revision": row.seq}
        | judged_by
        | _called(period_of(row.period_start, kpi.frequency, calendar))
    )


def _longer(
    kpi: Kpi, said: Asked, calendar: Calendar, known_at: datetime | None, *, today: date
) -> tuple[list[dict[str, Any]], date | None]:
    """Return a page of longer periods, and after which one the next page begins; only its values are read."""
    reach = reach_known(kpi, known_at)
    if reach is None:
        return [], None
    own_first, last = period_of(reach[0], kpi.frequency, calendar), reach[1]
    due_first = period_of(min(reach[0], kpi.active_from or reach[0]), kpi.frequency, calendar)
    begins = period_of(max(own_first.last_day, said.since or own_first.last_day), said.frequency, calendar).start
    if said.after:
        begins = max(begins, period_of(said.after, said.frequency, calendar).end)
    ends = min(last, said.until + DAY) if said.until else last
    longer = _some(begins, ends, said.frequency, calendar, said.limit + 1)
    page = longer[: said.limit]
    if not page:
        return [], None

    around = periods_between(max(page[0].start, due_first.start), page[-1].end, kpi.frequency, calendar)
    own = [one for one in around if page[0].start <= one.last_day < page[-1].end]
    # A week that ends in the first month began before it.
    since = min(page[0].start, own[0].start) if own else page[0].start
    nested = by_formula(kpi, since=since, until=page[-1].end, today=today, known_at=known_at)

    def combine(parts: Sequence[Part]) -> Aggregate:
        if nested is not None and parts:
            return nested(parts[0].period.start, parts[-1].period.end)
        return aggregate([part.value for part in parts], kpi.time_aggregation, kpi.ratio_factor)

    inside = list(values_known(kpi, known_at).filter(period_end__gt=page[0].start, period_end__lte=page[-1].end))
    made_of = {one.start: _made_of(one, kpi, inside) for one in page}
    grades = grades_together(made_of, today=today, known_at=known_at)
    found = spans(
        list(_due(own, inside, today)),
        frequency=said.frequency,
        calendar=calendar,
        method=kpi.time_aggregation,
        combine=combine,
        rolling=1,
        today=today,
    )
    items = [_aggregated(one) | {"confidence": grades.get(one.period.start, "")} for one in found]
    return items, page[-1].start if len(longer) > len(page) else None


def _made_of(period: Period, kpi: Kpi, rows: Sequence[Any]) -> list[Key]:
    """Return which values the aggregate of a longer period is made of, oldest first."""
    inside = (row for row in rows if period.start < row.period_end <= period.end)
    return [(kpi.pk, row.period_start) for row in inside if row.value is not None]


def _due(own: Sequence[Period], rows: Sequence[Any], today: date) -> Iterator[Part]:
    """Yield the periods that are due: those with a value, and those that are over without; not those without sense."""
    values = {row.period_start: row for row in rows}
    for period in own:
        row = values.get(period.start)
        if row is None:
            if period.end <= today:
                yield Part(period=period, value=None)
        elif row.state != NOT_APPLICABLE:
            value = Value(value=row.value, numerator=row.numerator, denominator=row.denominator, weight=row.denominator)
            yield Part(period=period, value=value)


def _some(begins: date, ends: date, frequency: str, calendar: Calendar, most: int) -> list[Period]:
    """Return at most so many periods that begin in the span."""
    found: list[Period] = []
    while begins < ends and len(found) < most:
        found.append(period_of(begins, frequency, calendar))
        begins = found[-1].end
    return found


def _aggregated(one: Span) -> dict[str, Any]:
    result = one.total
    standing = "no_value" if result.value is None else "complete" if result.complete else "incomplete"
    return {
        "value": result.value,
        "numerator": result.numerator,
        "denominator": result.denominator,
        "state": standing if one.is_over or result.value is None else "open",
        "reason": result.reason,
        "periods_present": result.present,
        "periods_due": result.due,
    } | _called(one.period)


def _called(period: Period) -> dict[str, Any]:
    return {"period": period.key, "starts_on": period.start, "ends_on": period.last_day}
