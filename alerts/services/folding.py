"""Folding the judged periods of many KPIs: one read for all, then the pure fold of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

import orjson
from django.db import connection

from alerts.domain.fold import Fact, Fold, FoldState, Rule, Transition, default_confirm, fold
from kpis.bulk import as_array, as_arrays
from kpis.domain.health import default_grace_days
from kpis.domain.limits import AnyLimits, Limits, RangeLimits

STANDING = """
SELECT s.kpi_id, k.frequency, k.stale_after_days,
       s.confirmed_band, s.confirmed_since, s.pending, s.folded_through, s.seq, c.to_band, c.period_start, c.period_end,
       r.version, r.effective_from, r.margin, r.confirm_periods, r.alert_on_provisional
FROM alerts_alertstate s JOIN kpis_kpi k ON k.id = s.kpi_id
LEFT JOIN alerts_bandcrossing c ON c.kpi_id = s.kpi_id AND c.seq = s.seq
LEFT JOIN alerts_alertrule r ON r.kpi_id = s.kpi_id
WHERE s.kpi_id = ANY(%s)
ORDER BY s.kpi_id, r.version
"""

# Where one period confirms and no margin is asked, only the periods that change the band can matter, and the last; and
# of those before the last crossing that was recorded, and before the fold stands, only the last.
JUDGED = """
SELECT kpi_id, period_start, period_end, band, value, goal, red_flag, goal_high, red_high FROM (
    SELECT *, lead(CASE WHEN band_before IS DISTINCT FROM band THEN period_start END) OVER (
               PARTITION BY kpi_id ORDER BY period_start) AS next_change FROM (
        SELECT e.*, owed.every_period, owed.settled
        FROM (
            SELECT o.*, CASE WHEN c.period_start < s.folded_through THEN c.period_start
                             WHEN c.kpi_id IS NOT NULL THEN s.folded_through END AS settled
            FROM unnest(%s::bigint[], %s::date[], %s::boolean[], %s::boolean[])
                 AS o(kpi_id, after, every_period, provisional_too)
            JOIN alerts_alertstate s ON s.kpi_id = o.kpi_id
            LEFT JOIN alerts_bandcrossing c ON c.kpi_id = s.kpi_id AND c.seq = s.seq
        ) AS owed
        CROSS JOIN LATERAL (
            SELECT kpi_id, period_start, period_end, band, value, goal, red_flag, goal_high, red_high,
                   lag(band) OVER periods AS band_before, lead(band) OVER periods AS band_after
            FROM kpis_evaluation
            WHERE kpi_id = owed.kpi_id AND period_start > owed.after
              AND band <> '' AND (owed.provisional_too OR NOT is_provisional)
            WINDOW periods AS (ORDER BY period_start)
        ) AS e
    ) AS judged
    WHERE every_period OR band_before IS DISTINCT FROM band OR band_after IS NULL
) AS changes
WHERE every_period OR settled IS NULL OR next_change IS NULL OR next_change > settled
ORDER BY kpi_id, period_start
"""

# Where every new period has the confirmed band, whatever rule holds confirms nothing and leaves nothing pending: the
# state just moves on. A provisional period may count or not, that is left to the fold.
FOLLOW = """
WITH quiet AS (
    SELECT s.kpi_id, n.through
    FROM unnest(%s::bigint[], %s::date[]) AS j(kpi_id, judged_from)
    JOIN alerts_alertstate s ON s.kpi_id = j.kpi_id AND s.confirmed_band <> '' AND s.folded_through < j.judged_from
    CROSS JOIN LATERAL (
        SELECT max(e.period_start) AS through, bool_and(e.band = s.confirmed_band AND NOT e.is_provisional) AS is_quiet
        FROM kpis_evaluation e WHERE e.kpi_id = s.kpi_id AND e.period_start > s.folded_through AND e.band <> ''
    ) AS n
    WHERE is_quiet IS NOT false
), moved AS (
    UPDATE alerts_alertstate s SET folded_through = q.through, pending = '[]'
    FROM quiet q WHERE s.kpi_id = q.kpi_id AND q.through IS NOT NULL
)
SELECT kpi_id FROM quiet
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """One judged period as the fold and the crossing need it."""

    period_start: date
    period_end: date
    band: str
    value: Decimal | None
    goal: Decimal | None
    red_flag: Decimal | None
    goal_high: Decimal | None
    red_high: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVersion:
    """A rule and since when it applies; version 0 are the defaults of the frequency."""

    version: int
    effective_from: date
    rule: Rule
    provisional_too: bool


@dataclass(slots=True, kw_only=True)
class Standing:
    """Where the fold of a KPI stands, whose row is locked; `last` is the crossing recorded last: band, start, end."""

    kpi_id: int
    confirmed_band: str
    confirmed_since: date | None
    pending: list[str]
    folded_through: date | None
    seq: int
    last: tuple[str, date, date]
    rules: list[RuleVersion]


class _Stored(NamedTuple):
    """A row of STANDING: the KPI's standing with one of its rules."""

    kpi_id: int
    frequency: str
    stale_after: int
    confirmed_band: str
    confirmed_since: date | None
    pending: str
    folded_through: date | None
    seq: int
    last_band: str | None
    last_start: date | None
    last_end: date | None
    version: int | None
    effective_from: date
    margin: Decimal
    confirm: int
    provisional_too: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What the fold of one KPI came to.

    `past_changed`: the periods folded before now confirm another band. `news`: periods not folded before changed it.
    """

    kpi_id: int
    state: FoldState
    transitions: tuple[Transition, ...]
    judged: Mapping[date, Judged]
    rules: Sequence[RuleVersion]
    settled_through: date | None
    past_changed: bool
    news: bool
    moved: bool

    def rule_version_at(self, start: date) -> int:
        """Return the version of the rule that applied to the period."""
        return _in_force(self.rules, start).version


def follow_quiet(*, judged_from: Mapping[int, date]) -> set[int]:
    """Move on the locked states of the KPIs that stay in their band, and return which they are."""
    with connection.cursor() as cursor:
        cursor.execute(FOLLOW, [as_array(judged_from), as_array(judged_from.values())])
        return {kpi_id for (kpi_id,) in cursor.fetchall()}


def standings(kpi_ids: Iterable[int]) -> dict[int, Standing]:
    """Return where the fold of each KPI stands, in their order; the rows are locked."""
    found: dict[int, Standing] = {}
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [as_array(kpi_ids)])
        for row in (_Stored(*columns) for columns in cursor.fetchall()):
            # So much later than the next period should have come, the data was stale: what was pending has lapsed.
            forget = default_grace_days(row.frequency) + row.stale_after
            if row.kpi_id not in found:
                found[row.kpi_id] = _standing(row, forget)
            if row.version is not None:
                rule = Rule(margin=row.margin, confirm=row.confirm, forget_after_days=forget)
                found[row.kpi_id].rules.append(
                    RuleVersion(
                        version=row.version,
                        effective_from=row.effective_from,
                        rule=rule,
                        provisional_too=row.provisional_too,
                    )
                )
    return found


def _standing(row: _Stored, forget: int) -> Standing:
    default = Rule(confirm=default_confirm(row.frequency), forget_after_days=forget)
    return Standing(
        kpi_id=row.kpi_id,
        confirmed_band=row.confirmed_band,
        confirmed_since=row.confirmed_since,
        pending=orjson.loads(row.pending),
        folded_through=row.folded_through,
        seq=row.seq,
        last=(row.last_band or "", row.last_start or date.min, row.last_end or date.min),
        rules=[RuleVersion(version=0, effective_from=date.min, rule=default, provisional_too=False)],
    )


def fold_judgements(*, states: Mapping[int, Standing], judged_from: Mapping[int, date]) -> dict[int, Folded]:
    """Fold the judged periods of the KPIs, whose states are locked: the new ones only where nothing older changed."""
    if not states:
        return {}
    ahead = {
        kpi_id: state.folded_through is not None and judged_from[kpi_id] > state.folded_through
        for kpi_id, state in states.items()
    }
    judged = _judged(states, ahead)
    return {kpi_id: _fold_one(state, judged.get(kpi_id, []), ahead=ahead[kpi_id]) for kpi_id, state in states.items()}


def _fold_one(state: Standing, judged: list[Judged], *, ahead: bool) -> Folded:
    rules = state.rules
    stored = FoldState(
        confirmed=state.confirmed_band,
        since=state.confirmed_since,
        pending=tuple(state.pending),
        through=state.folded_through,
    )
    settled = stored.through
    if ahead:
        past = Fold(state=stored, transitions=())
    else:
        past = _fold_under(rules, [row for row in judged if settled and row.period_start <= settled], FoldState.empty())
    rest = _fold_under(rules, [row for row in judged if not settled or row.period_start > settled], past.state)
    return Folded(
        kpi_id=state.kpi_id,
        state=rest.state,
        transitions=past.transitions + rest.transitions,
        judged={row.period_start: row for row in judged},
        rules=rules,
        settled_through=settled,
        past_changed=settled is not None and past.state.confirmed != stored.confirmed,
        news=rest.state.confirmed != past.state.confirmed,
        moved=bool(past.transitions or rest.transitions),
    )


def _fold_under(rules: Sequence[RuleVersion], judged: Sequence[Judged], state: FoldState) -> Fold:
    """Fold the periods, each under the rule in force for it, so that a new rule leaves the time before it alone."""
    transitions: tuple[Transition, ...] = ()
    for version, rows in groupby(judged, key=lambda row: _in_force(rules, row.period_start)):
        margin = version.rule.margin
        facts = (
            Fact(
                period_start=row.period_start,
                band=row.band,
                value=row.value if margin else None,
                limits=_limits(row) if margin else None,
            )
            for row in rows
        )
        step = fold(facts, version.rule, state)
        state, transitions = step.state, transitions + step.transitions
    return Fold(state=state, transitions=transitions)


def _in_force(rules: Sequence[RuleVersion], start: date) -> RuleVersion:
    if len(rules) == 1:
        return rules[0]
    return max((rule for rule in rules if rule.effective_from <= start), key=_by_date)


def _by_date(rule: RuleVersion) -> tuple[date, int]:
    return (rule.effective_from, rule.version)


def _judged(states: Mapping[int, Standing], ahead: Mapping[int, bool]) -> dict[int, list[Judged]]:
    owed = [
        (
            kpi_id,
            state.folded_through if ahead[kpi_id] else date.min,
            any(version.rule.confirm > 1 or version.rule.margin for version in state.rules),
            max(state.rules, key=_by_date).provisional_too,
        )
        for kpi_id, state in states.items()
    ]
    judged: dict[int, list[Judged]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(JUDGED, as_arrays(owed))
        for kpi_id, row in _rows(cursor):
            judged[kpi_id].append(row)
    return judged


def _rows(cursor: object) -> Iterator[tuple[int, Judged]]:
    for kpi_id, *columns in cursor:  # type: ignore[attr-defined]
        yield kpi_id, Judged(*columns)


def _limits(row: Judged) -> AnyLimits | None:
    if row.goal is None or row.red_flag is None:
        return None
    if row.goal_high is None or row.red_high is None:
        return Limits(goal=row.goal, red_flag=row.red_flag)
    return RangeLimits(goal_low=row.goal, goal_high=row.goal_high, red_low=row.red_flag, red_high=row.red_high)
