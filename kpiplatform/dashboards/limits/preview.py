"""What a proposal of limits would do: to the past year, to the present bands, to the alerts. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from alerts.domain.fold import Fact, Rule, default_confirm, fold
from alerts.models import AlertRule
from kpis.domain.bands import severity
from kpis.domain.judged import Judged, Rules
from kpis.domain.limits import AnyLimits, Limits, RangeLimits, in_force, limits_for
from kpis.domain.replay import Moved, Proposal, as_if_always, band_counts, moved, proposed, replayed
from kpis.grades import grades_of
from kpis.locks import closed_of, judged_behind
from kpis.models import Kpi
from kpis.queries import calendars, fiscal_years_of, rules_of, values_of
from kpis.services.closing import judged_otherwise
from kpis.services.rolling import rolled_up_if
from objectives.models import ObjectiveState

YEAR, DAY = timedelta(days=366), timedelta(days=1)
CONFIRMATIONS = (1, 2, 3)
LATELY = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A year under one set of limits; `by_confirmation` counts the alerts if 1, 2 or 3 periods confirmed a change."""

    limits: AnyLimits | None
    why_none: str
    judged: list[Judged]
    counts: dict[str, int]
    alerts: list[date]
    by_confirmation: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The band and score of the KPI or of its objective: as it stands, and by the proposal.

    Of the KPI also the value that is judged, with its grade of confidence.
    """

    name: str
    is_kpi: bool
    period_start: date | None
    old_band: str
    new_band: str
    old_score: Decimal | None
    new_score: Decimal | None
    value: Decimal | None = None
    grade: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Realism:
    """How often the past met the goal: in all periods, and in the latest."""

    values: list[Decimal]
    met: int
    lately: int
    met_lately: int
    mean_lately: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """All that a proposal would change.

    `old` and `new` replay the past year as if the limits in force on the effective day, and the proposed ones, had
    always held. `rejudged` are the periods that are judged again on saving, `really_moved` those that change band.
    `last_day` is the last one of a target that is made to end. `refused` says why it can't be saved: periods that are
    locked would be judged otherwise.
    """

    effective_from: date
    confirm: int
    old: Replay
    new: Replay
    moved: list[Moved]
    rejudged: int
    really_moved: list[Moved]
    present: list[Present]
    applies_at_once: bool
    realism: Realism | None
    next_change: date | None
    last_day: date | None
    refused: str

    @property
    def betters(self) -> bool:
        """Whether a colour that people see, or would see at the next value, gets better."""
        kpi = self.present[0] if self.present else None
        better_now = bool(kpi and kpi.old_band and kpi.new_band and severity(kpi.new_band) < severity(kpi.old_band))
        return better_now or any(period.is_better for period in self.really_moved)


def locked_that_move(kpi: Kpi, proposal: Proposal, *, now: datetime) -> list[date]:
    """Return the first days of locked periods that a proposal would judge otherwise; the KPI comes with its unit."""
    until = closed_of(kpi)
    if until is None or proposal.effective_from >= until:
        return []
    rules, values = rules_of([kpi])[kpi.pk], values_of(kpi)
    years = fiscal_years_of(kpi, values, calendars())
    return _behind_a_lock(kpi, replayed(values, rules, years), replayed(values, proposed(rules, proposal), years), now)


def _behind_a_lock(kpi: Kpi, before: Sequence[Judged], after: Sequence[Judged], now: datetime) -> list[date]:
    closed = judged_behind(kpi, closed_of(kpi), now=now)
    pairs = zip(before, after, strict=True)
    return [then.period_start for was, then in pairs if was != then and then.period_start in closed]


def preview(*, kpi: Kpi, proposal: Proposal, today: date, now: datetime) -> Preview:
    """Return what the proposal would do to `kpi`, which comes with its objective and state."""
    rules, values = rules_of([kpi])[kpi.pk], values_of(kpi)
    years = fiscal_years_of(kpi, values, calendars())
    start, changed = proposal.effective_from, proposed(rules, proposal)
    rule = _alert_rule(kpi, today)
    since = (values[-1].period_start if values else today) - YEAR

    def judged(by: Rules) -> list[Judged]:
        return [row for row in replayed(values, by, years) if row.period_start > since]

    old, new = (_replay(judged(as_if_always(one, start)), one, start, rule, kpi.frequency) for one in (rules, changed))
    true_old, true_new = judged(rules), judged(changed)
    at_once = bool(true_old) and true_old[-1].period_start >= start
    shut = _behind_a_lock(kpi, replayed(values, rules, years), replayed(values, changed, years), now)
    later = [row.effective_from for row in (*rules.targets, *rules.thresholds) if row.effective_from > start]
    return Preview(
        effective_from=start,
        confirm=rule.confirm,
        old=old,
        new=new,
        moved=moved(old.judged, new.judged),
        rejudged=sum(row.period_start >= start for row in true_new),
        really_moved=moved(true_old, true_new, since=start),
        present=_present(kpi, true_old, true_new if at_once else new.judged, today),
        applies_at_once=at_once,
        realism=_realism(new),
        next_change=min(later, default=None),
        last_day=next((row.effective_from - DAY for row in proposal.ends if row.is_end), None),
        refused=judged_otherwise(kpi, shut) if shut else "",
    )


def _replay(judged: list[Judged], rules: Rules, start: date, rule: Rule, frequency: str) -> Replay:
    limits, why_none = limits_for(rules.polarity, in_force(rules.targets, start), in_force(rules.thresholds, start))
    return Replay(
        limits=limits,
        why_none=why_none,
        judged=judged,
        counts=dict(band_counts(judged)),
        alerts=_alerts(judged, rule),
        by_confirmation=[
            len(_alerts(judged, Rule(margin=rule.margin, confirm=count, forget_after_days=rule.forget_after_days)))
            for count in CONFIRMATIONS
        ],
    )


def _alerts(judged: Sequence[Judged], rule: Rule) -> list[date]:
    """Return the periods in which a worsening would have been confirmed; the first judgement of all is none."""
    facts = [Fact(period_start=row.period_start, band=row.band, value=row.value, limits=_limits(row)) for row in judged]
    return [
        change.period_start
        for change in fold(facts, rule).transitions
        if change.from_band and severity(change.to_band) > severity(change.from_band)
    ]


def _limits(row: Judged) -> AnyLimits | None:
    if row.goal is None or row.red_flag is None:
        return None
    if row.goal_high is None or row.red_high is None:
        return Limits(goal=row.goal, red_flag=row.red_flag)
    return RangeLimits(goal_low=row.goal, goal_high=row.goal_high, red_low=row.red_flag, red_high=row.red_high)


def _alert_rule(kpi: Kpi, today: date) -> Rule:
    own = AlertRule.objects.filter(kpi=kpi, effective_from__lte=today).order_by("-effective_from", "-version").first()
    if own is None:
        return Rule(confirm=default_confirm(kpi.frequency))
    return Rule(confirm=own.confirm_periods, margin=own.margin)


def _present(kpi: Kpi, stands: Sequence[Judged], by_proposal: Sequence[Judged], today: date) -> list[Present]:
    """Return the latest closed value of the KPI and its objective, as they stand and by the proposal.

    A proposal that begins later is shown as if it had begun; of one that begins earlier, only what will really be.
    """
    if not stands:
        return []
    old, new = stands[-1], by_proposal[-1]
    rows = [
        Present(
            name=kpi.name,
            is_kpi=True,
            period_start=old.period_start,
            old_band=old.band,
            new_band=new.band,
            old_score=old.score,
            new_score=new.score,
            value=old.value,
            grade=grades_of({kpi.pk: old.period_start}, today=today).get(kpi.pk, ""),
        )
    ]
    state = ObjectiveState.objects.filter(objective=kpi.objective).first()
    if state is not None and kpi.status == Kpi.Status.ACTIVE:
        result = rolled_up_if(objective=kpi.objective, kpi_id=kpi.pk, score=new.score, band=new.band, today=today)
        rows.append(
            Present(
                name=kpi.objective.name,
                is_kpi=False,
                period_start=None,
                old_band=state.band,
                new_band=result.band,
                old_score=state.score,
                new_score=result.score,
            )
        )
    return rows


def _realism(replay: Replay) -> Realism | None:
    if not replay.judged or replay.limits is None:
        return None
    met = [row.band == "on_track" for row in replay.judged]
    values = [row.value for row in replay.judged if row.value is not None]
    lately = min(LATELY, max(1, len(values) // 3))
    return Realism(
        values=values,
        met=sum(met),
        lately=lately,
        met_lately=sum(met[-lately:]),
        mean_lately=sum(values[-lately:], Decimal(0)) / lately,
    )
