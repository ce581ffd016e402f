"""All that the template of the strategy map prints, in words, figures and places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.as_known import NOW, PARAMETER, AsKnown, beginning
from kpiplatform.dashboards.objective_page.links import hypothesis, short_words
from kpiplatform.dashboards.objective_page.presenter import initiative_line
from kpiplatform.dashboards.strategy_map.queries import KPIS_ON_A_CARD, Strategy
from kpis.domain.figures import number, with_unit
from objectives.domain.strategy_map import Arrow, Drawing, strategy_map
from objectives.models import CausalLink, Objective

SPANS = {1: "span-1", 2: "span-2", 3: "span-3", 4: "span-4"}


def map_page(found: Strategy, *, is_list: bool, today: date) -> dict[str, Any]:
    """Return the context of the page: as a map, or as the list that says the same."""
    lanes = [[row for row in found.on_map if row.perspective_id == lane.pk] for lane in found.perspectives]
    by_pk = {row.pk: row for row in found.on_map}
    drawn = [link for link in found.links if link.source_id in by_pk and link.target_id in by_pk]
    drawing = strategy_map(
        [[str(row.pk) for row in lane] for lane in lanes],
        [
            Arrow(key=str(link.pk), source=str(link.source_id), target=str(link.target_id), words=short_words(link))
            for link in drawn
        ],
    )
    return {
        "is_list": is_list,
        "lede": _lede(found),
        "lanes": _lanes(found, lanes, drawing, is_list=is_list),
        "drawing": drawing,
        "curves": _curves(drawn, drawing, found.selected),
        "selected": _selected(found, today) if found.selected else None,
        "hidden": found.hidden,
        "has_objectives": bool(found.on_map),
        "may_configure": found.may_configure,
        "map_url": _address(found.selected, found.known, is_list=False),
        "list_url": _address(found.selected, found.known, is_list=True),
        "known": found.known,
        "now_url": _address(found.selected, NOW, is_list=is_list),
        "kept": _choices(found.selected, is_list=is_list),
        "day": found.known.on or today,
        "begins": beginning(
            kpi_ids=[kpi.pk for kpis in found.kpis.values() for kpi in kpis],
            known=found.known,
            kept=_choices(found.selected, is_list=is_list),
        ),
    }


def _choices(objective: Objective | None, *, is_list: bool) -> dict[str, str]:
    return ({"view": "list"} if is_list else {}) | ({"objective": objective.code} if objective else {})


def _address(objective: Objective | None, known: AsKnown, *, is_list: bool) -> str:
    query = _choices(objective, is_list=is_list) | ({PARAMETER: str(known.on)} if known.on else {})
    return reverse("map", query=query) if query else reverse("map")


def _lede(found: Strategy) -> str:
    """Count the objectives and what is known of the hypotheses between them."""
    if not found.on_map:
        return ""
    count = len(found.on_map) + sum(len(rows) for rows in found.below.values())
    sentences = [ngettext("%(count)d objective.", "%(count)d objectives.", count) % {"count": count}]
    off = [row.name for row in found.on_map if getattr(row, "state", None) and row.state.band == "off_track"]
    if off:
        sentences.append(_("Off track: %(names)s.") % {"names": "; ".join(off)})
    evidence = Counter(link.evidence for link in found.links)
    said = [words % {"count": evidence[key]} for key, words in _evidence_words(evidence) if evidence[key]]
    if said:
        total = sum(evidence.values())
        beginning = ngettext("Of %(count)d hypothesis", "Of %(count)d hypotheses", total) % {"count": total}
        sentences.append(f"{beginning} {', '.join(said)}.")
    return " ".join(sentences)


def _evidence_words(evidence: Mapping[str, int]) -> list[tuple[str, str]]:
    supported, contradicted = evidence["supported"], evidence["contradicted"]
    unclear, untested = evidence["cannot_tell"], evidence["untested"]
    return [
        ("supported", ngettext("%(count)d is supported by the data", "%(count)d are supported by the data", supported)),
        ("contradicted", ngettext("%(count)d is contradicted", "%(count)d are contradicted", contradicted)),
        (
            "cannot_tell",
            ngettext("%(count)d can’t be told from chance", "%(count)d can’t be told from chance", unclear),
        ),
        ("untested", ngettext("%(count)d is not tested yet", "%(count)d are not tested yet", untested)),
    ]


def _lanes(
    found: Strategy, lanes: Sequence[Sequence[Objective]], drawing: Drawing, *, is_list: bool
) -> list[dict[str, Any]]:
    return [
        {
            "name": lane.name,
            "row": drawn.first_row,
            "span": SPANS.get(drawn.rows, SPANS[4]),
            "cards": [_card(row, found, drawing, is_list=is_list) for row in own],
        }
        for lane, own, drawn in zip(found.perspectives, lanes, drawing.lanes, strict=True)
    ]


def _card(row: Any, found: Strategy, drawing: Drawing, *, is_list: bool) -> dict[str, Any]:
    place, state = drawing.cards[str(row.pk)], getattr(row, "state", None)
    kpis = found.kpis[row.pk]
    more = len(kpis) - KPIS_ON_A_CARD
    return {
        "code": row.code,
        "url": reverse("objective", args=[row.code]) + found.known.query
        if is_list
        else _address(row, found.known, is_list=False),
        "name": row.name,
        "band": state.band if state else "",
        "row": place.row,
        "column": place.column,
        "is_selected": found.selected is not None and row.pk == found.selected.pk,
        "kpis": [_kpi(kpi, found) for kpi in kpis[: None if is_list else KPIS_ON_A_CARD]],
        "more": ngettext("%(count)d more KPI", "%(count)d more KPIs", more) % {"count": more}
        if more > 0 and not is_list
        else "",
        "score": score_words(row, found.locale),
        "owner": row.owner.name,
        "below": [child.name for child in found.below[row.pk]],
        "leads": [
            _("%(name)s (%(evidence)s)") % {"name": link.target.name, "evidence": link.get_evidence_display()}
            for link in found.links
            if link.source_id == row.pk
        ],
    }


def _kpi(kpi: Any, found: Strategy) -> dict[str, str]:
    state = getattr(kpi, "state", None)
    stale = state is not None and state.band and state.health in {"stale", "source_error"}
    return {
        "url": reverse("kpi", args=[kpi.code]) + found.known.query,
        "name": kpi.name,
        "band": state.band if state else "",
        "state": "stale" if stale else "",
        "value": with_unit(number(state.value if state else None, kpi.decimals, locale=found.locale), kpi.measure_unit),
        "grade": found.grades.get(kpi.pk, ""),
    }


def score_words(row: Any, locale: str) -> str:
    """Say the score and how much of it there is, like “score 6.3 · 5 of 5 with data”."""
    state = getattr(row, "state", None)
    if state is None or not state.total:
        return _("no KPI yet")
    with_data = _("%(with)d of %(total)d with data") % {"with": state.with_data, "total": state.total}
    if state.score is None:
        return f"{_('no score yet')} · {with_data}"
    return f"{_('score %(score)s') % {'score': number(state.score, 1, locale=locale)}} · {with_data}"


def _curves(links: Sequence[CausalLink], drawing: Drawing, selected: Objective | None) -> list[dict[str, Any]]:
    """Return the links in the order they are drawn: those of the selected objective last, so that they lie on top."""
    by_key = {str(link.pk): link for link in links}
    curves = []
    for curve in drawing.curves:
        link = by_key[curve.key]
        is_selected = selected is not None and selected.pk in {link.source_id, link.target_id}
        line = hypothesis(link, link.target)["line"]
        head = "head--sel" if is_selected else "head" if line in {"supported", "contra"} else "head--q"
        curves.append({"drawn": curve, "line": line, "head": head, "selected": is_selected, "words": short_words(link)})
    return sorted(curves, key=lambda curve: curve["selected"])


def _selected(found: Strategy, today: date) -> dict[str, Any]:
    row: Any = found.selected
    state = getattr(row, "state", None)
    return {
        "name": row.name,
        "url": reverse("objective", args=[row.code]) + found.known.query,
        "band": state.band if state else "",
        "score": score_words(row, found.locale),
        "owner": row.owner,
        "kpis": [_kpi(kpi, found) for kpi in found.kpis[row.pk]],
        "below": [_below(child, found) for child in found.below[row.pk]],
        "links_out": [hypothesis(link, link.target, found.known) for link in found.links if link.source_id == row.pk],
        "links_in": [hypothesis(link, link.source, found.known) for link in found.links if link.target_id == row.pk],
        "initiatives": [initiative_line(one, today) for one in found.initiatives],
    }


def _below(child: Any, found: Strategy) -> dict[str, str]:
    state = getattr(child, "state", None)
    return {
        "url": reverse("objective", args=[child.code]) + found.known.query,
        "name": child.name,
        "band": state.band if state else "",
        "score": number(state.score if state else None, 1, locale=found.locale),
    }
