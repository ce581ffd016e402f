"""How a derived value came about: its formula, each term with what it gave, and the way from there to the value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from kpiplatform.dashboards.as_known import PARAMETER, AsKnown
from kpiplatform.dashboards.calculation.words import coverage, result_words, step_words, taken_words
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpis.calculations import Wanted, calculations, version_in_force, versions_of
from kpis.dates import day, short_label, span_label
from kpis.domain.formula.deriving import Outcome, derive
from kpis.domain.formula.explaining import Step, explain
from kpis.domain.formula.printing import written
from kpis.domain.formula.series import Span, Taken
from kpis.domain.formula.tree import Number, Term, codes
from kpis.domain.parsing import to_storage
from kpis.domain.periods import DAY, Period, next_period, period_of, previous_period
from kpis.grades import grades_in_spans, grades_of
from kpis.models import Kpi, Measurement, MeasurementRevision, OwedDerivation
from kpis.queries import calendar_of

HIDDEN = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads, on which day of the organisation, which KPIs they may open, and up to when things are known."""

    visible: QuerySet[Kpi]
    today: date
    locale: str
    known: AsKnown


def explanation(kpi: Kpi, start: date | None, reader: Reader) -> dict[str, Any] | None:
    """Return how the value of the period that holds `start` came about, by default the latest that is over.

    None where no formula held for the period.
    """
    calendar, today, known_at = calendar_of(kpi.calendar), reader.known.on or reader.today, reader.known.at
    recorded = _recorded(kpi, known_at)
    period = period_of(start, kpi.frequency, calendar) if start else _latest(kpi, recorded, today)
    version = version_in_force(versions_of([kpi.pk], known_at)[kpi.pk], period.start)
    if version is None or version.formula is None:
        return None
    span = Span.of(period)
    wanted = Wanted(formula=version.formula, missing=version.missing, calendar=calendar, spans=[span])
    (calculation,) = calculations([wanted], known_at)
    outcome = derive(calculation, span, today=today, bounds=version.bounds)
    inputs = {one.code: one for one in reader.visible.filter(code__in=codes(version.formula))}
    wording = Wording.of_kpi(kpi, locale=reader.locale, today=today)
    step = explain(version.formula, outcome.of, version.missing)
    stored = recorded.filter(period_start=period.start).order_by("-seq").first()
    opened = {term: inputs[term.code].pk for term in calculation.terms if term.code in inputs}
    spans = {term: (pk, outcome.taken[term].span) for term, pk in opened.items()}
    grades, graded = grades_in_spans(spans, today=today, known_at=known_at), {kpi.pk: period.start if stored else None}
    return {
        "period": short_label(period),
        "dates": span_label(period),
        "formula": written(version.formula, _naming(inputs)),
        "version": _("version %(number)s, from %(day)s")
        % {"number": version.number, "day": day(version.effective_from)},
        "missing": dict(Kpi.MissingPolicy.choices)[version.missing],
        "result": result_words(outcome, wording),
        "grade": grades_of(graded, today=today, known_at=known_at).get(kpi.pk, ""),
        "is_provisional": outcome.value is not None and not outcome.is_final,
        "terms": [_term(term, outcome.taken[term], grades.get(term, ""), inputs, reader) for term in calculation.terms],
        "steps": [_step(part, inputs, wording) for part in step.parts if not isinstance(part.node, Number)],
        "differs": _differs(stored, outcome, wording),
        "before": _address(kpi, previous_period(period, calendar), reader.known),
        "after": _address(kpi, next_period(period, calendar), reader.known) if period.end <= today else "",
    }


def behind_locks(kpi: Kpi, *, may_ask: bool) -> list[tuple[str, str]]:
    """Return the periods whose value would change but is locked, and where one asks to open them, "" if one may not."""
    calendar = calendar_of(kpi.calendar)
    rows = OwedDerivation.objects.filter(kpi=kpi, waits_for_lock=True).order_by("period_start")
    periods = [period_of(row.period_start, kpi.frequency, calendar) for row in rows]
    return [
        (short_label(one), reverse("kpis:reopen", args=[kpi.code, one.start]) if may_ask else "") for one in periods
    ]


def _recorded(kpi: Kpi, known_at: datetime | None) -> QuerySet[Any]:
    if known_at is None:
        return Measurement.objects.filter(kpi=kpi)
    return MeasurementRevision.objects.filter(kpi=kpi, recorded_at__lt=known_at)


def _latest(kpi: Kpi, recorded: QuerySet[Any], today: date) -> Period:
    calendar = calendar_of(kpi.calendar)
    closed = recorded.filter(period_end__lte=today).order_by("-period_start").first()
    if closed is not None:
        return period_of(closed.period_start, kpi.frequency, calendar)
    return previous_period(period_of(today, kpi.frequency, calendar), calendar)


def _address(kpi: Kpi, period: Period, known: AsKnown) -> str:
    kept = {PARAMETER: known.on.isoformat()} if known.on else {}
    return reverse("kpis:explained", args=[kpi.code], query={"period": period.start.isoformat()} | kept)


def _naming(inputs: Mapping[str, Kpi]) -> Any:
    return lambda code: code if code in inputs else HIDDEN


def _term(term: Term, taken: Taken, grade: str, inputs: Mapping[str, Kpi], reader: Reader) -> dict[str, Any]:
    """Return a term; of a KPI that the reader may not open there is neither name nor value."""
    kpi = inputs.get(term.code)
    if kpi is None:
        return {"text": written(term, lambda _code: HIDDEN), "name": _("a KPI you may not open"), "value": "–"}
    wording = Wording.of_kpi(kpi, locale=reader.locale, today=reader.today)
    span = taken.span
    return {
        "text": written(term),
        "name": kpi.name,
        "url": reverse("kpi", args=[kpi.code]) + reader.known.query,
        "why_url": _why(kpi, reader.known),
        "period": short_label(span.period) if span.period else _days(span),
        "value": taken_words(taken, wording),
        "grade": grade,
        "coverage": coverage(taken) if taken.due != 1 or taken.present != 1 else "",
        "remark": "" if taken.is_final or not taken.is_there else _("provisional"),
    }


def _why(kpi: Kpi, known: AsKnown) -> str:
    return reverse("kpis:explained", args=[kpi.code]) + known.query if kpi.entry == Kpi.Entry.DERIVED else ""


def _days(span: Span) -> str:
    return f"{day(span.start)} – {day(span.end - DAY)}"


def _step(step: Step, inputs: Mapping[str, Kpi], wording: Wording) -> dict[str, Any]:
    is_open = set(codes(step.node)) <= inputs.keys()
    return {
        "text": written(step.node, _naming(inputs)),
        "value": step_words(step.value, wording) if is_open else "–",
        "counts": step.counts,
        "parts": [_step(part, inputs, wording) for part in step.parts if not isinstance(part.node, Number)],
    }


def _differs(stored: Any, outcome: Outcome, wording: Wording) -> str:
    """Say so where the stored value is another than the inputs give now."""
    value = None if outcome.value is None else to_storage(outcome.value)
    if stored is None or stored.value == value:
        return ""
    recorded = _("no value") if stored.value is None else wording.full(stored.value)
    words = {"value": recorded}
    return (
        _("Recorded is: %(value)s. What it follows from changed since; it follows unless the period is locked.") % words
    )
