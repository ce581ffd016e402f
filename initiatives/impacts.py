"""What an initiative promised each KPI, beside what came: words and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from initiatives.domain.promise import Picture, may_be_changed, picture, value_on
from initiatives.models import ExpectedImpact, Initiative
from initiatives.words import on, value_words
from kpiplatform.accounts.models import User
from kpis.dates import day
from kpis.domain.figures import delta
from kpis.grades import grades_of
from kpis.models import Kpi, Measurement
from kpis.queries import kpis_visible_to

type Values = list[tuple[date, Decimal | None]]
# How far before the start a picture begins, so that it shows a dozen values or so.
BEFORE = {"day": 21, "week": 84, "month": 370, "quarter": 740, "half_year": 1100, "year": 1830}
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactView:
    """One promised effect as the page shows it."""

    impact: ExpectedImpact
    kpi: Kpi
    band: str
    grade: str
    promised: str
    stands: str
    tone: str
    registered: str
    picture: Picture | None
    label: str
    may_change: bool


def impacts_of(initiative: Initiative, user: User, *, today: date) -> list[ImpactView]:
    """Return the promises about KPIs that `user` may see, in a number of queries that does not grow with them."""
    kpis = kpis_visible_to(user, today=today).order_by()
    impacts = list(
        ExpectedImpact.objects.filter(initiative=initiative, kpi__in=kpis)
        .select_related("kpi__state")
        .order_by("starts_on", "pk")
    )
    values, latest = _values(impacts, today)
    grades = grades_of(latest, today=today)
    return [
        _view(impact, values.get(impact.kpi_id, []), grades.get(impact.kpi_id, ""), user.locale, today)
        for impact in impacts
    ]


def _values(impacts: Sequence[ExpectedImpact], today: date) -> tuple[dict[int, Values], dict[int, date | None]]:
    """Return the final values of each KPI by the last day of their periods, from where its picture begins.

    And the first day of the period of the latest.
    """
    wanted = Q(pk__in=[])
    for impact in impacts:
        first = min(impact.starts_on, today) - timedelta(days=BEFORE[impact.kpi.frequency])
        wanted |= Q(kpi_id=impact.kpi_id, period_end__gt=first)
    rows = Measurement.objects.filter(wanted, state="reported", period_end__lte=today).order_by("period_start")
    found: dict[int, Values] = {}
    latest: dict[int, date | None] = {}
    columns = ("kpi_id", "period_start", "period_end", "value")
    for kpi_id, start, end, value in rows.values_list(*columns) if impacts else ():
        found.setdefault(kpi_id, []).append((end - DAY, value))
        if value is not None:
            latest[kpi_id] = start
    return found, latest


def _view(impact: ExpectedImpact, values: Values, grade: str, locale: str, today: date) -> ImpactView:
    kpi = impact.kpi
    state = getattr(kpi, "state", None)
    before = [pair for pair in values if pair[0] < impact.starts_on and pair[1] is not None]
    # What counts to date has no one value to start from.
    base_on, base = before[-1] if before and not kpi.is_cumulative else (None, None)
    stands, tone = _stands(impact, values, base, locale, today)
    promised = _promised(impact, base, base_on, locale, today)
    return ImpactView(
        impact=impact,
        kpi=kpi,
        band=state.band if state else "",
        grade=grade,
        promised=promised,
        stands=stands,
        tone=tone,
        registered=_registered(impact),
        picture=picture(
            impact,
            values=[] if kpi.is_cumulative else values,
            base=base,
            goal=state.goal if state and state.goal_high is None and not kpi.is_cumulative else None,
            today=today,
            before=timedelta(days=BEFORE[kpi.frequency]),
        ),
        label=f"{kpi.name}. {promised} {stands}".strip(),
        may_change=may_be_changed(starts_on=impact.starts_on, today=today),
    )


def _promised(impact: ExpectedImpact, base: Decimal | None, base_on: date | None, locale: str, today: date) -> str:
    words = {
        "change": delta(impact.change, impact.kpi.measure_unit, impact.kpi.decimals, locale=locale),
        "start": on(impact.starts_on, today),
        "full": on(impact.full_effect_on, today),
        "confidence": {"low": _("low"), "medium": _("medium"), "high": _("high")}[impact.confidence],
    }
    if base is None or base_on is None or impact.starts_on > today:
        return _("%(change)s between %(start)s and %(full)s, confidence %(confidence)s.") % words
    words |= {
        "base": value_words(base, impact.kpi, locale=locale),
        "wanted": value_words(base + impact.change, impact.kpi, locale=locale),
    }
    return _("%(change)s by %(full)s: from %(base)s to %(wanted)s, confidence %(confidence)s.") % words


def _stands(impact: ExpectedImpact, values: Values, base: Decimal | None, locale: str, today: date) -> tuple[str, str]:
    """Compare the latest value with the path; the second is how the comparison is coloured."""
    known = [(last, value) for last, value in values if value is not None]
    if impact.starts_on > today:
        return _("The effect is to begin on %(day)s.") % {"day": on(impact.starts_on, today)}, ""
    if base is None or not known or known[-1][0] < impact.starts_on:
        return _("No value since the effect was to begin."), ""
    last, value = known[-1]
    expected = value_on([impact], base=base, day=last)
    short = (expected - value) * (1 if impact.change > 0 else -1)
    words = {
        "expected": value_words(expected, impact.kpi, locale=locale),
        "value": value_words(value, impact.kpi, locale=locale),
        "day": on(last, today),
        "short": delta(abs(short), impact.kpi.measure_unit, impact.kpi.decimals, locale=locale).lstrip("+±"),
    }
    if short > 0:
        return _("Promised for %(day)s: %(expected)s. It is %(value)s, %(short)s short.") % words, "worse"
    return _("Promised for %(day)s: %(expected)s. It is %(value)s, at least as promised.") % words, "better"


def _registered(impact: ExpectedImpact) -> str:
    at = timezone.localdate(impact.registered_at)
    words = {"day": day(at)}
    if at < impact.starts_on:
        return _("Registered on %(day)s, before the effect began.") % words
    return _("Registered on %(day)s, after the effect was to begin.") % words
