"""What an objective's score is made of: each child with its share, what it adds, and what of it would turn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.objective_page.queries import Facts
from kpiplatform.dashboards.objective_page.turning import value_that_scores
from kpis.dates import short_label
from kpis.domain.bullet import Bullet, bullet
from kpis.domain.figures import delta, number, with_unit
from kpis.domain.limits import Limits
from kpis.domain.periods import period_of
from kpis.models import Kpi
from objectives.domain.rollup import Child, Method, Term, roll_up, terms, turn

HUNDRED = Decimal(100)
BAND_WORDS = {"on_track": "on track", "at_risk": "at risk", "off_track": "off track"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """A KPI or lower objective, ready to print; `turn` says what of it alone would change the parent's colour."""

    url: str
    name: str
    kind: str
    band: str
    state: str
    bullet: Bullet
    value: str
    unit: str
    goal: str
    period: str
    grade: str
    score: str
    share: str
    contribution: str
    turn: str
    owner: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The children that the reader may open, and in one line those that they may not."""

    rows: list[TermRow]
    hidden: str
    hidden_share: str
    hidden_contribution: str
    total: str


def terms_of(facts: Facts) -> Terms:
    """Return the terms of the roll-up as it stands."""
    method = cast("Method", facts.objective.roll_up_method)
    manual = facts.manual.score if facts.manual else None
    rolled = roll_up(facts.family, method, facts.objective.minimum_coverage, manual)
    by_key = {term.key: term for term in terms(facts.family, method)}
    rows, hidden = [], []
    for kind, one in [*(("kpi", kpi) for kpi in facts.kpis), *(("objective", row) for row in facts.children)]:
        key = f"{kind}:{one.pk}"
        if not one.opens:
            hidden.append(key)
            continue
        make = _kpi_row if kind == "kpi" else _objective_row
        rows.append(make(one, by_key.get(key), facts, method))
    found = [by_key[key] for key in hidden if key in by_key]
    return Terms(
        rows=rows,
        hidden=ngettext("%(count)d more that you may not open", "%(count)d more that you may not open", len(hidden))
        % {"count": len(hidden)}
        if hidden
        else "",
        hidden_share=_percent(sum((term.share for term in found), Decimal(0)), facts.locale),
        hidden_contribution=number(sum((term.contribution for term in found), Decimal(0)), 2, locale=facts.locale),
        total=number(rolled.score, 2, locale=facts.locale) if method != "manual" else "",
    )


def _kpi_row(kpi: Any, term: Term | None, facts: Facts, method: Method) -> TermRow:
    state = getattr(kpi, "state", None)
    period = ""
    if state and state.period_start:
        period = short_label(period_of(state.period_start, kpi.frequency, facts.calendars[kpi.calendar_id]))
    turned = ""
    if kpi.polarity == Kpi.Polarity.UNSCORED:
        turned = _("watched, not judged")
    elif state is None or state.score is None:
        turned = _("no score yet")
    else:
        turned = _turn_words(facts.family, f"kpi:{kpi.pk}", method, _needed_of_kpi(kpi, state, facts.locale))
    return TermRow(
        url=reverse("kpi", args=[kpi.code]) + facts.known.query,
        name=kpi.name,
        kind=_("KPI"),
        band=state.band if state else "",
        state="stale" if state and state.band and state.health in {"stale", "source_error"} else "",
        bullet=bullet(state.score if state else None),
        value=number(state.value if state else None, kpi.decimals, locale=facts.locale),
        unit=kpi.measure_unit,
        goal=_goal(kpi, state, facts.locale),
        period=period,
        grade=facts.grades.get(kpi.pk, ""),
        turn=turned,
        owner=kpi.owner,
        **_term(state.score if state else None, term, facts.locale),
    )


def _objective_row(child: Any, term: Term | None, facts: Facts, method: Method) -> TermRow:
    state = getattr(child, "state", None)
    score = state.score if state else None

    def needed(wanted: Decimal, better: bool) -> str:
        return _("a score of %(score)s") % {"score": number(wanted, 1, locale=facts.locale)}

    return TermRow(
        url=reverse("objective", args=[child.code]) + facts.known.query,
        name=child.name,
        kind=_("Objective"),
        band=state.band if state else "",
        state="",
        bullet=bullet(score),
        value="",
        unit="",
        goal="",
        period="",
        grade="",
        turn=_("no score yet") if score is None else _turn_words(facts.family, f"objective:{child.pk}", method, needed),
        owner=child.owner,
        **_term(score, term, facts.locale),
    )


def _term(score: Decimal | None, term: Term | None, locale: str) -> dict[str, str]:
    return {
        "score": number(score, 1, locale=locale),
        "share": _percent(term.share, locale) if term else "",
        "contribution": number(term.contribution, 2, locale=locale) if term else "",
    }


def _needed_of_kpi(kpi: Kpi, state: Any, locale: str) -> Any:
    def needed(wanted: Decimal, better: bool) -> str:
        if state.goal is None or state.red_flag is None or state.goal_high is not None:
            return _("a score of %(score)s") % {"score": number(wanted, 1, locale=locale)}
        limits = Limits(goal=state.goal, red_flag=state.red_flag)
        value = value_that_scores(wanted, limits, decimals=kpi.decimals, better=better)
        change = delta(value - state.value, kpi.measure_unit, kpi.decimals, locale=locale)
        return f"{with_unit(number(value, kpi.decimals, locale=locale), kpi.measure_unit)} ({change})"

    return needed


def _turn_words(family: Sequence[Child], key: str, method: Method, needed: Any) -> str:
    """Say what would turn the objective, such as “79.2 % (+2.3 pts) → on track”."""
    if method == "manual":
        return ""
    turned = turn(family, key, method)
    if turned is None:
        return _("not by this alone")
    score = next(child.score for child in family if child.key == key)
    if score is None:
        return ""
    return f"{needed(score + turned.change, turned.change > 0)} → {_(BAND_WORDS[turned.band])}"


def _goal(kpi: Kpi, state: Any, locale: str) -> str:
    if state is None or state.goal is None:
        return ""
    ends = [state.goal] if state.goal_high is None else [state.goal, state.goal_high]
    return "–".join(number(end, kpi.decimals, locale=locale) for end in ends)


def _percent(share: Decimal, locale: str) -> str:
    return with_unit(number(share * HUNDRED, 0, locale=locale), "%")
