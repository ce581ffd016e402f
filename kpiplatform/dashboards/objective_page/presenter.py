"""All that the template of the objective page prints, in words and figures."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from initiatives.domain.progress import end_slipped, furthest_behind
from kpiplatform.dashboards.as_known import beginning
from kpiplatform.dashboards.objective_page.line import line
from kpiplatform.dashboards.objective_page.links import days, hypothesis
from kpiplatform.dashboards.objective_page.queries import Facts, Moment
from kpiplatform.dashboards.objective_page.terms import BAND_WORDS, terms_of
from kpis.dates import day
from kpis.domain.figures import number, with_unit

HUNDRED = Decimal(100)
WIDE, NARROW = (1024, 13), (360, 5)


def objective_page(facts: Facts) -> dict[str, Any]:
    """Return the context of the page."""
    objective, state = facts.objective, facts.state
    points = [(moment.week[5:], moment.rolled.score, moment.rolled.band) for moment in facts.history]
    return {
        "objective": objective,
        "band": state.band if state else "",
        "lede": lede(facts),
        "headline": _headline(facts),
        "bands": _bands(facts),
        "terms": terms_of(facts),
        "wide": line(points, width=WIDE[0], ticks=WIDE[1]),
        "narrow": line(points, width=NARROW[0], ticks=NARROW[1]),
        "line_label": _line_label(facts) if facts.history else "",
        "history": [_history_row(moment, facts.locale) for moment in reversed(facts.history)],
        "opens_parent": facts.opens_parent,
        "may_configure": facts.may_configure and not facts.known.on,
        "known": facts.known,
        "now_url": "?",
        "day": facts.known.on or facts.today,
        "begins": beginning(kpi_ids=[kpi.pk for kpi in facts.kpis], known=facts.known, kept={}),
        "initiatives": [initiative_line(row, facts.today) for row in facts.initiatives if row.opens],
        "hidden_initiatives": sum(not row.opens for row in facts.initiatives),
        "links_out": [hypothesis(link, link.target, facts.known) for link in facts.links_out if link.opens],
        "links_in": [hypothesis(link, link.source, facts.known) for link in facts.links_in if link.opens],
        "hidden_links": sum(not link.opens for link in (*facts.links_in, *facts.links_out)),
        "weights": [
            {"name": row.name, "weight": _weight(row.weight, facts.locale), "since": day(row.since), "by": row.by}
            for row in facts.weights
        ],
        "manual": _manual(facts),
    }


def lede(facts: Facts) -> str:
    """Say how the objective stands, what pulls it down and since when."""
    state = facts.state
    if state is None or not state.total:
        return _("Nothing measures this objective yet: it has no KPI.")
    if state.score is None:
        return _("It has no score yet: none of what it is measured by has a judged value.")
    figures = {"score": number(state.score, 1, locale=facts.locale), "with": state.with_data, "total": state.total}
    if not state.band:
        share = with_unit(number(facts.objective.minimum_coverage * HUNDRED, 0, locale=facts.locale), "%")
        return _(
            "Its score is %(score)s, but it has no band: only %(with)d of %(total)d have data, "
            "and %(share)s of the weight are needed."
        ) % {**figures, "share": share}
    sentences = [
        {
            "weighted_average": _(
                "%(band)s with a score of %(score)s, the average of %(with)d of %(total)d with data."
            ),
            "worst_child": _("%(band)s with a score of %(score)s, that of the worst of %(with)d with data."),
            "manual": _("%(band)s with a score of %(score)s, given by judgement."),
        }[facts.objective.roll_up_method]
        % {**figures, "band": _(BAND_WORDS[state.band]).capitalize()}
    ]
    worst = _worst(facts)
    if worst and state.with_data > 1:
        sentences.append(_("The worst is %(name)s.") % {"name": worst})
    since = _since(facts)
    if since:
        sentences.append(since)
    return " ".join(sentences)


def _worst(facts: Facts) -> str:
    """Name the worst child, if the reader may open it."""
    scored = [child for child in facts.family if child.score is not None and child.weight]
    if not scored:
        return ""
    worst = min(scored, key=lambda child: child.score or Decimal(0))
    opened = {f"kpi:{kpi.pk}" for kpi in facts.kpis if kpi.opens}
    opened |= {f"objective:{row.pk}" for row in facts.children if row.opens}
    score = number(worst.score, 1, locale=facts.locale)
    return f"{worst.name} ({score})" if worst.key in opened else ""


def _since(facts: Facts) -> str:
    """Say since which week the band is what it is, if the weeks shown saw it turn."""
    if not facts.history:
        return ""
    band = facts.history[-1].rolled.band
    before = next((moment for moment in reversed(facts.history) if moment.rolled.band != band), None)
    if not band or before is None or not before.rolled.band:
        return ""
    return _("It was %(band)s until %(week)s.") % {"band": _(BAND_WORDS[before.rolled.band]), "week": before.week[5:]}


def _headline(facts: Facts) -> list[dict[str, str]]:
    state, locale = facts.state, facts.locale
    if state is None:
        return []
    coverage = with_unit(number(state.coverage * HUNDRED, 0, locale=locale), "%")
    return [
        {
            "label": _("Score"),
            "value": number(state.score, 1, locale=locale),
            "aside": _("of 10, %(method)s") % {"method": facts.objective.get_roll_up_method_display()},
            "big": "big",
        },
        {"label": _("Average"), "value": number(state.average, 1, locale=locale), "aside": _("by weight")},
        {
            "label": _("Worst"),
            "value": number(state.worst_score, 1, locale=locale),
            "aside": _("of %(count)d with data") % {"count": state.with_data},
        },
        {
            "label": _("Coverage"),
            "value": coverage,
            "aside": _("%(with)d of %(total)d with data") % {"with": state.with_data, "total": state.total},
        },
    ]


def _bands(facts: Facts) -> list[dict[str, Any]]:
    state = facts.state
    if state is None:
        return []
    none = state.total - state.on_track - state.at_risk - state.off_track
    counts = (("on_track", state.on_track), ("at_risk", state.at_risk), ("off_track", state.off_track), ("", none))
    return [{"band": band, "count": count} for band, count in counts if count]


def _line_label(facts: Facts) -> str:
    first, last = facts.history[0], facts.history[-1]
    return _("Score by week from %(first)s to %(last)s, last %(score)s. The table below has every week.") % {
        "first": first.week,
        "last": last.week,
        "score": number(last.rolled.score, 1, locale=facts.locale),
    }


def _history_row(moment: Moment, locale: str) -> dict[str, Any]:
    rolled = moment.rolled
    return {
        "week": moment.week,
        "ends": day(moment.ends_on),
        "band": rolled.band,
        "score": number(rolled.score, 1, locale=locale),
        "worst": number(rolled.worst_score, 1, locale=locale),
        "coverage": with_unit(number(rolled.coverage * HUNDRED, 0, locale=locale), "%"),
    }


def initiative_line(row: Any, today: date) -> dict[str, str]:
    """Return an initiative with its owner, next milestone and what is late; `open_steps` are its open milestones."""
    late = furthest_behind(row.open_steps, today)
    words = [row.owner.name, row.get_status_display()]
    following = row.open_steps[0] if row.open_steps else None
    if following:
        words.append(_("next: %(step)s, %(day)s") % {"step": following.name, "day": day(following.due_on)})
    slipped = end_slipped(first_end=row.planned_end, end=row.ends_on, today=today, is_open=True)
    warning = ""
    if late:
        warning = _("%(step)s: %(days)s behind the first plan") % {"step": late[0].name, "days": days(late[1])}
    elif slipped:
        warning = _("its end moved by %(days)s") % {"days": days(slipped)}
    return {
        "url": reverse("initiatives:initiative", args=[row.code]),
        "name": row.name,
        "words": " · ".join(words),
        "late": warning,
    }


def _manual(facts: Facts) -> dict[str, str] | None:
    if facts.objective.roll_up_method != "manual" or facts.manual is None:
        return None
    row = facts.manual
    return {
        "note": row.note,
        "words": _("Given by %(name)s on %(day)s with %(confidence)d %% confidence.")
        % {"name": row.recorded_by.name, "day": day(row.effective_from), "confidence": row.confidence},
    }


def _weight(weight: Decimal, locale: str) -> str:
    return number(weight, 0 if weight == weight.to_integral_value() else 2, locale=locale)
