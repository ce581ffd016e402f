"""Folding the judged periods of many KPIs: one read for all, then the pure fold of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from django.db import connection

from alerts.domain.fold import Fact, Fold, FoldState, Rule, Transition, default_confirm, fold
from alerts.models import AlertRule, AlertState
from kpis.domain.health import default_grace_days
from kpis.domain.limits import AnyLimits, Limits, RangeLimits
from kpis.models import Kpi

# Where one period confirms and no margin is asked, only the periods that change the band can matter, and the last; and
# of those before the last crossing that was recorded, and before the fold stands, only the last.
JUDGED = """
SELECT kpi_id, period_start, period_end, band, value, goal, red_flag, goal_high, red_high FROM (
    SELECT *, lead(period_start) OVER (PARTITION BY kpi_id ORDER BY period_start) AS next_start FROM (
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
WHERE every_period OR settled IS NULL OR next_start IS NULL OR next_start > settled
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
        cursor.execute(FOLLOW, [list(judged_from), list(judged_from.values())])
        return {kpi_id for (kpi_id,) in cursor.fetchall()}


def fold_judgements(*, states: Mapping[int, AlertState], judged_from: Mapping[int, date]) -> dict[int, Folded]:
    """Fold the judged periods of the KPIs, whose states are locked: the new ones only where nothing older changed."""
    if not states:
        return {}
    rules = _rules(list(states))
    ahead = {
        kpi_id: state.folded_through is not None and judged_from[kpi_id] > state.folded_through
        for kpi_id, state in states.items()
    }
    judged = _judged(states, ahead, rules)
    return {
        kpi_id: _fold_one(state, judged.get(kpi_id, []), rules[kpi_id], ahead=ahead[kpi_id])
        for kpi_id, state in states.items()
    }


def _fold_one(state: AlertState, judged: list[Judged], rules: Sequence[RuleVersion], *, ahead: bool) -> Folded:
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


def _rules(kpi_ids: list[int]) -> dict[int, list[RuleVersion]]:
    rules: dict[int, list[RuleVersion]] = defaultdict(list)
    forget = {}
    for kpi_id, frequency, stale_after in Kpi.objects.filter(pk__in=kpi_ids).values_list(
        "pk", "frequency", "stale_after_days"
    ):
        # So much later than the next period should have come, the data was stale: what was pending has lapsed.
        forget[kpi_id] = default_grace_days(frequency) + stale_after
        default = Rule(confirm=default_confirm(frequency), forget_after_days=forget[kpi_id])
        rules[kpi_id].append(RuleVersion(version=0, effective_from=date.min, rule=default, provisional_too=False))
    for row in AlertRule.objects.filter(kpi_id__in=kpi_ids):
        rule = Rule(margin=row.margin, confirm=row.confirm_periods, forget_after_days=forget[row.kpi_id])
        rules[row.kpi_id].append(
            RuleVersion(
                version=row.version,
                effective_from=row.effective_from,
                rule=rule,
                provisional_too=row.alert_on_provisional,
            )
        )
    return rules


def _judged(
    states: Mapping[int, AlertState], ahead: Mapping[int, bool], rules: Mapping[int, list[RuleVersion]]
) -> dict[int, list[Judged]]:
    kpi_ids = list(states)
    every_period = [any(r.rule.confirm > 1 or r.rule.margin for r in rules[kpi_id]) for kpi_id in kpi_ids]
    provisional_too = [max(rules[kpi_id], key=_by_date).provisional_too for kpi_id in kpi_ids]
    after = [states[kpi_id].folded_through if ahead[kpi_id] else date.min for kpi_id in kpi_ids]
    judged: dict[int, list[Judged]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(JUDGED, [kpi_ids, after, every_period, provisional_too])
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
