"""Reading all that the page of a KPI shows, in a number of queries that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from initiatives.queries import initiatives_visible_to
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.as_known import NOW, AsKnown
from kpiplatform.dashboards.kpi_page.facts import Facts, Other, state_of
from kpiplatform.dashboards.kpi_page.histories import Histories, histories
from kpiplatform.dashboards.kpi_page.past import judged_then, state_then
from kpiplatform.dashboards.kpi_page.whole_kpi import whole_kpi
from kpis.as_known import defined_then, said_in
from kpis.calculations import by_formula
from kpis.domain.aggregation import Aggregate
from kpis.domain.confidence import Confidence
from kpis.domain.judged import Rules
from kpis.domain.periods import period_of
from kpis.grades import confidence_then
from kpis.models import Kpi
from kpis.queries import calendar_of, edits_values_of, is_behind, kpis_visible_to, may_read_rows, proposes_values_of
from objectives.queries import may_configure, may_write, opens_objective
from reviews.queries import reviewing_of

OTHER_COLUMNS = (
    "pk",
    "code",
    "name",
    "unit__name",
    "measure_unit",
    "decimals",
    "frequency",
    "ratio_factor",
    "state__period_start",
    "state__value",
    "state__previous_value",
    "state__goal",
    "state__red_flag",
    "state__goal_high",
    "state__red_high",
    "state__band",
    "state__spark",
)


def kpi_facts(
    *,
    user: User,
    code: str,
    now: datetime,
    today: date,
    all_revisions: bool = False,
    known: AsKnown = NOW,
    graded: int | None = 0,
) -> Facts:
    """Return what the page of the KPI shows to `user`; raises Kpi.DoesNotExist for those who may not see it.

    `today` is the person's day, by which roles hold; `Facts.today` is the organisation's, by which periods close.
    As known on a past day nothing can be written, and what has no history is left out. `graded` is of how many of the
    newest values it is read how they came to be; None for all.
    """
    visible = kpis_visible_to(user, today=today, known_at=known.at)
    kpi = whole_kpi(visible, code)
    found = histories(kpi_id=kpi.pk, now=now, all_revisions=all_revisions, known_at=known.at)
    facts = _facts(kpi, found, user, now=now, today=today)
    if known.on is not None and known.at is not None:
        facts = _as_known(facts, found, known, known.at, known.on)
    else:
        guard, below = _others(kpi, visible, found)
        facts = replace(facts, guard=guard, below=below, below_hidden=found.parts_count - len(below))
    facts = replace(facts, may_open=_may_open(facts, user, today))
    if graded != 0:
        facts = _graded(facts, graded, now=now, zone=ZoneInfo(found.time_zone))
    return replace(facts, feeding=_feeding(facts.confidence, visible), by_formula=_by_formula(facts))


def _as_known(facts: Facts, found: Histories, known: AsKnown, at: datetime, on: date) -> Facts:
    kpi = defined_then(facts.kpi, said_in(found.definition or {}))
    rules = replace(facts.rules, polarity=kpi.polarity)
    rows = judged_then(facts.rows, rules, kpi, facts.calendar, at)
    return replace(
        facts,
        known=known,
        today=on,
        rules=rules,
        rows=rows,
        state=state_then(rows, kpi, facts.calendar, facts.breaks),
        may_comment=False,
        may_edit=False,
        may_propose=False,
        may_configure=False,
    )


def _facts(kpi: Kpi, found: Histories, user: User, *, now: datetime, today: date) -> Facts:
    is_editable = edits_values_of(user, kpi, today=today)
    objective = kpi.objective
    return Facts(
        kpi=kpi,
        known=NOW,
        state=state_of(kpi),
        calendar=calendar_of(kpi.calendar),
        today=now.astimezone(ZoneInfo(found.time_zone)).date(),
        rows=found.rows,
        rules=Rules(polarity=kpi.polarity, targets=found.targets, thresholds=found.thresholds),
        people=found.people,
        remarks=found.remarks,
        comments=found.comments,
        versions=found.versions,
        revisions=found.revisions,
        revision_count=found.revision_count,
        promises=found.promises,
        may_open=frozenset(),
        below=(),
        guard=None,
        holidays=found.holidays,
        locked_until=found.locked_until,
        reopened=found.reopened,
        failing_since=found.failing_since,
        held=found.held,
        confidence={},
        past_grades={},
        grades={},
        feeding={},
        may_read_rows=may_read_rows(user, kpi, today=today),
        is_behind=_is_behind(kpi, now),
        feeds_others=found.feeds_others,
        opens_objective=opens_objective(
            user, status=objective.status, owner_id=objective.owner_id, unit_path=objective.unit.path, today=today
        ),
        may_comment=is_editable or may_write(user, today=today),
        may_edit=is_editable,
        may_propose=proposes_values_of(user, kpi, today=today),
        may_configure=may_configure(user, today=today),
        reader_id=user.pk,
        locale=user.locale,
        reviewing=reviewing_of(kpi),
    )


def _by_formula(facts: Facts) -> Callable[[date, date], Aggregate] | None:
    if not facts.rows:
        return None
    first, last = min(row.start for row in facts.rows), max(row.end for row in facts.rows)
    # Periods without a value of their own count, too: some of their inputs may have one.
    since = min(first, facts.kpi.active_from or first)
    until = max(last, period_of(facts.today, facts.kpi.frequency, facts.calendar).end)
    return by_formula(facts.kpi, since=since, until=until, today=facts.today, known_at=facts.known.at)


def _is_behind(kpi: Kpi, now: datetime) -> bool:
    mapping = getattr(kpi, "mapping", None)
    return mapping is not None and is_behind(mapping.source, now)


def _graded(facts: Facts, graded: int | None, *, now: datetime, zone: ZoneInfo) -> Facts:
    """Add how far the newest values can be trusted, or all of them, those of revisions, and those of other KPIs."""
    pk, at = facts.kpi.pk, facts.known.at
    rows = facts.rows if graded is None else facts.rows[max(len(facts.rows) - graded, 0) :]
    own = {row.start: (pk, row.start, at) for row in rows if row.value is not None}
    brought = {(pk, one.start, one.until or at) for one in facts.revisions if one.now is not None}
    replaced = {(pk, one.start, one.at) for one in facts.revisions if one.was is not None}
    shown = [*facts.below, *([facts.guard] if facts.guard else [])]
    others = {other.pk: (other.pk, other.period_start, at) for other in shown if other.period_start is not None}
    found = confidence_then({*own.values(), *brought, *replaced, *others.values()}, now=now, zone=zone)
    return replace(
        facts,
        confidence={start: found[one] for start, one in own.items() if one in found},
        past_grades={one: found[one].grade for one in brought | replaced if one in found},
        grades={other: found[one].grade for other, one in others.items() if one in found},
    )


def _feeding(confidence: Mapping[date, Confidence], visible: QuerySet[Kpi]) -> dict[int, Kpi]:
    """Return the KPIs that values were computed from, as far as the reader may open them."""
    ids = {source.kpi_id for its in confidence.values() if its.is_computed for source in its.sources}
    return {kpi.pk: kpi for kpi in visible.filter(pk__in=ids).select_related("calendar")} if ids else {}


def _may_open(facts: Facts, user: User, today: date) -> frozenset[str]:
    """Return the codes of the initiatives that answer the KPI, as far as the reader may open them."""
    if not facts.promises:
        return frozenset()
    answering = initiatives_visible_to(user, today=today).filter(impacts__kpi=facts.kpi.pk)
    return frozenset(answering.values_list("code", flat=True))


def _others(kpi: Kpi, visible: QuerySet[Kpi], found: Histories) -> tuple[Other | None, tuple[Other, ...]]:
    """Return the guard, and the KPIs that are parts of this one. Both only as far as the reader may see them."""
    guard, below = None, []
    if kpi.guard_id is None and not found.parts_count:
        return guard, ()
    wanted = Q(pk=kpi.guard_id) | Q(part_of=kpi.pk, status=Kpi.Status.ACTIVE)
    rows = visible.filter(wanted).order_by("unit__position", "unit__path", "code")
    for whole_id, *columns in rows.values_list("part_of", *OTHER_COLUMNS):
        other = Other(*(_none_to_empty(columns)), found.latest_parts.get(columns[0]))
        if other.pk == kpi.guard_id:
            guard = other
        if whole_id == kpi.pk:
            below.append(other)
    return guard, tuple(below)


def _none_to_empty(columns: Sequence[Any]) -> list[Any]:
    """Return the columns with the band and the spark that a KPI has before its first value."""
    *rest, band, spark = columns
    return [*rest, band or "", spark or {}]
