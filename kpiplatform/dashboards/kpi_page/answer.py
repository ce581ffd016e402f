"""The answer to a gap: what would turn the KPI green, who works on it, and whether that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from initiatives.domain.progress import furthest_behind
from initiatives.domain.promise import still_to_land
from initiatives.domain.status import UNDER_WAY
from kpiplatform.dashboards.kpi_page.chart import value_before
from kpiplatform.dashboards.kpi_page.facts import Facts, Promise, limits_of
from kpiplatform.dashboards.kpi_page.gap import gap_to_goal, to_spare
from kpiplatform.dashboards.kpi_page.promises import Trail, trail
from kpiplatform.dashboards.kpi_page.timeline import Cell, latest_closed
from kpiplatform.dashboards.kpi_page.wording import Wording, days, joined, why_no_band
from kpis.domain.figures import number
from kpis.domain.periods import period_of
from kpis.models import Kpi

GAPBAR = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiativeView:
    """An initiative that answers the KPI."""

    name: str
    code: str
    is_open_to_reader: bool
    words: str
    late: str
    trail: Trail | None
    trail_label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the gap the approved initiatives are still to close; `width` is of a bar of 280."""

    words: str
    width: str


# --- what would turn it green -------------------------------------------------------------------


def to_green(facts: Facts, cells: Sequence[Cell]) -> str:
    """Say what it takes to be on track, or how much is to spare."""
    wording, latest = Wording.of(facts), latest_closed(cells)
    if latest is None or latest.row is None or latest.shown is None:
        return ""
    limits = limits_of(latest.row)
    ratio = latest.row if not facts.kpi.is_cumulative else None
    gap = gap_to_goal(
        latest.shown,
        limits,
        numerator=ratio.numerator if ratio else None,
        denominator=ratio.denominator if ratio else None,
        factor=facts.kpi.ratio_factor,
    )
    if gap is None or limits is None:
        return "" if facts.kpi.polarity == Kpi.Polarity.UNSCORED else why_no_band(latest.row.no_band_reason)
    if not gap.change:
        words = _spare_in_words(to_spare(latest.shown, limits), wording)
    elif gap.count is None:
        words = _change_in_words(gap.change, latest.shown, wording)
    else:
        words = _count_in_words(gap.count, gap.change, latest, facts, wording)
    return joined([words, _score(latest, wording)], " ")


def _spare_in_words(spare: Decimal | None, wording: Wording) -> str:
    if spare is None:
        return ""
    if not spare:
        return _("Exactly on the goal, with nothing to spare.")
    return _("%(spare)s to spare before it is at risk.") % {"spare": wording.distance(spare)}


def _change_in_words(change: Decimal, value: Decimal, wording: Wording) -> str:
    words = {
        "change": wording.distance(change),
        "value": wording.bare(value),
        "wanted": wording.full(value + change),
    }
    if change > 0:
        return _("%(change)s more: from %(value)s to %(wanted)s.") % words
    return _("%(change)s less: from %(value)s to %(wanted)s.") % words


def _count_in_words(count: Decimal, change: Decimal, latest: Cell, facts: Facts, wording: Wording) -> str:
    words = {
        "count": number(abs(count), 0, locale=wording.locale),
        "what": facts.kpi.numerator_label or _("in the numerator"),
        "per": wording.per_period(),
        "whole": wording.count(latest.row.denominator if latest.row else None),
        "of_what": facts.kpi.denominator_label,
        "change": wording.distance(change),
    }
    if count > 0:
        return _("%(count)s more %(what)s %(per)s, of %(whole)s %(of_what)s: %(change)s up.") % words
    return _("%(count)s fewer %(what)s %(per)s, of %(whole)s %(of_what)s: %(change)s down.") % words


def _score(latest: Cell, wording: Wording) -> str:
    if latest.row is None or latest.row.score is None:
        return ""
    return _("Score %(score)s of 10.") % {"score": number(latest.row.score, 1, locale=wording.locale)}


# --- initiatives --------------------------------------------------------------------------------


def initiatives(facts: Facts, cells: Sequence[Cell]) -> list[InitiativeView]:
    """Return the initiatives that promised this KPI something, in the order in which they start."""
    return [_initiative(promise, facts, cells) for promise in facts.promises]


def _initiative(promise: Promise, facts: Facts, cells: Sequence[Cell]) -> InitiativeView:
    wording = Wording.of(facts)
    begun = promise.starts_on <= facts.today
    full = period_of(promise.full_effect_on, facts.kpi.frequency, facts.calendar)
    day = wording.day(promise.starts_on)
    parts = [
        _("Since %(day)s") % {"day": day} if begun else _("From %(day)s") % {"day": day},
        {"proposed": _("waiting for approval"), "done": _("done")}.get(promise.status, ""),
        _("%(change)s by %(period)s, confidence %(confidence)s")
        % {
            "change": wording.change(promise.change),
            "period": wording.period(full),
            "confidence": _confidence(promise.confidence),
        },
    ]
    drawn = _trail(promise, facts, cells) if begun and promise.status != "proposed" else None
    return InitiativeView(
        name=promise.name,
        code=promise.code,
        is_open_to_reader=promise.code in facts.may_open,
        words=joined(parts),
        late=_late(promise, facts.today),
        trail=drawn,
        trail_label=_("Expected path and values since %(day)s") % {"day": day} if drawn else "",
    )


def _confidence(confidence: str) -> str:
    return {"low": _("low"), "medium": _("medium"), "high": _("high")}[confidence]


def _late(promise: Promise, today: date) -> str:
    behind = furthest_behind(promise.steps, today)
    if behind is None or promise.status == "done":
        return ""
    step, late_by = behind
    return _("%(days)s late: %(step)s") % {"days": days(late_by), "step": step.name}


def _trail(promise: Promise, facts: Facts, cells: Sequence[Cell]) -> Trail | None:
    base, latest = value_before(cells, promise.starts_on), latest_closed(cells)
    if base is None or latest is None or facts.kpi.is_cumulative:
        return None
    since = [
        cell for cell in cells if promise.starts_on <= cell.period.last_day and cell.period.end <= latest.period.end
    ]
    values = [(cell.period.last_day, cell.value if cell.is_closed else None) for cell in since]
    return trail(promise, base=base, values=values, band=latest.band)


def coverage(facts: Facts, cells: Sequence[Cell]) -> Coverage | None:
    """Return which part of the gap the approved initiatives are still to close; None where there is no gap."""
    wording, latest = Wording.of(facts), latest_closed(cells)
    limits = limits_of(latest.row) if latest is not None and latest.row is not None else None
    gap = gap_to_goal(latest.shown, limits) if latest is not None else None
    approved = [promise for promise in facts.promises if promise.status in UNDER_WAY]
    if gap is None or not gap.change or not approved:
        return None
    coming = still_to_land(approved, facts.today)
    share = max(coming / gap.change, Decimal(0))
    words = {
        "share": number(share * 100, 0, locale=facts.locale),
        "coming": wording.bare_change(coming),
        "gap": wording.distance(gap.change),
    }
    return Coverage(
        words=_("Approved initiatives still to land add up to %(share)s %% of the gap (%(coming)s of %(gap)s).")
        % words,
        width=f"{min(share, Decimal(1)) * GAPBAR:.1f}",
    )
