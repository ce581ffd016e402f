"""Noting what was judged: the confirmed band, its crossings, the incident, and who is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from alerts.domain.announce import Cause
from alerts.models import BandCrossing
from alerts.services.announcing import announce
from alerts.services.chaining import chain
from alerts.services.folding import Folded, Standing, fold_judgements, follow_quiet, standings
from alerts.services.incidents import FOLLOWED, explained_by
from alerts.services.revising import Revision, revisions_behind
from alerts.signals import deliveries_owed
from kpis.almanac import Almanac
from kpis.almanac import almanac as read_almanac
from kpis.bulk import as_array, as_arrays

ENSURE_STATES = """
INSERT INTO alerts_alertstate (kpi_id, confirmed_band, pending, seq)
SELECT kpi_id, '', '[]', 0 FROM unnest(%s::bigint[]) AS missing(kpi_id) ORDER BY kpi_id ON CONFLICT DO NOTHING
"""

STORE_STATES = """
UPDATE alerts_alertstate s
SET confirmed_band = n.band, confirmed_since = n.since, pending = n.pending::jsonb, folded_through = n.through,
    seq = n.seq
FROM unnest(%s::bigint[], %s::text[], %s::date[], %s::text[], %s::date[], %s::int[])
     AS n(kpi_id, band, since, pending, through, seq)
WHERE s.kpi_id = n.kpi_id
"""


class Crossed(NamedTuple):
    """A crossing on its way into the database; the columns in their order."""

    kpi_id: int
    seq: int
    from_band: str
    to_band: str
    period_start: date
    period_end: date
    cause: str
    value: Decimal | None
    goal: Decimal | None
    red_flag: Decimal | None
    rule_version: int
    recorded_at: datetime


RECORD = f"""
WITH recorded AS (
    INSERT INTO alerts_bandcrossing ({", ".join(Crossed._fields)})
    SELECT * FROM unnest(%(kpi_id)s::bigint[], %(seq)s::int[], %(from_band)s::text[], %(to_band)s::text[],
        %(period_start)s::date[], %(period_end)s::date[], %(cause)s::text[], %(value)s::numeric[], %(goal)s::numeric[],
        %(red_flag)s::numeric[], %(rule_version)s::int[], %(recorded_at)s::timestamptz[])
    RETURNING id, kpi_id, seq, to_band
), {FOLLOWED}
SELECT count(*) FROM recorded
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """How many crossings were recorded, and how many deliveries are owed for them."""

    crossings: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """What the folds of some KPIs came to: how many crossings, and why each is announced."""

    crossings: int = 0
    causes: Mapping[int, Cause] = field(default_factory=dict)
    revisions: Mapping[int, Revision] = field(default_factory=dict)


def note_judgements(
    *,
    kpi_ids: Sequence[int],
    judged_from: Mapping[int, date],
    cause: Cause = "value",
    almanac: Almanac | None = None,
    now: datetime,
) -> Noted:
    """Record confirmed changes of band once, and owe a message to everyone who is to be told. Safe to repeat.

    Belongs into the transaction that stored the evaluations and holds the state rows of the KPIs, so any number of
    evaluators may run: if it commits the mail is owed, if not, nothing happened. Without `almanac` it is read.
    """
    if not kpi_ids:
        return Noted(crossings=0, deliveries=0)
    days = almanac or read_almanac()
    own = {kpi_id: judged_from[kpi_id] for kpi_id in sorted(kpi_ids)}
    with transaction.atomic(savepoint=False):
        chained = chain(judged_from=own, cause=cause, almanac=days, now=now)
        causes: dict[int, Cause] = {row.kpi_id: cause for row in chained if row.is_past}
        done = {row.kpi_id for row in chained}
        rest = _fold({kpi_id: since for kpi_id, since in own.items() if kpi_id not in done}, cause, days, now)
        deliveries = announce(
            kpi_ids=list(own), causes={**causes, **rest.causes}, revisions=rest.revisions, almanac=days, now=now
        )
        if deliveries:
            transaction.on_commit(lambda: deliveries_owed.send(sender=None), robust=True)
    return Noted(crossings=sum(row.crossings for row in chained) + rest.crossings, deliveries=deliveries)


def _fold(judged_from: Mapping[int, date], cause: Cause, almanac: Almanac, now: datetime) -> _Rest:
    """Fold what the one statement leaves: other rules, and corrections, of which more is to be known."""
    if not judged_from:
        return _Rest()
    with connection.cursor() as cursor:
        cursor.execute(ENSURE_STATES, [as_array(judged_from)])
    quiet = follow_quiet(judged_from=judged_from)
    states = standings(judged_from.keys() - quiet)
    folded = fold_judgements(states=states, judged_from=judged_from)
    revisions = _revisions(folded, judged_from, cause)
    crossings = _crossings(folded, states, revisions, cause, now)
    _record(crossings, almanac, now)
    _store_states(folded, states)
    causes = {kpi_id: _announced_cause(fold, cause, revisions) for kpi_id, fold in folded.items()}
    return _Rest(crossings=len(crossings), causes=causes, revisions=revisions)


def _revisions(folded: Mapping[int, Folded], judged_from: Mapping[int, date], cause: Cause) -> dict[int, Revision]:
    """Who revised what, for the KPIs whose settled past reads differently now."""
    if cause == "edit":
        return {}
    changed = {kpi_id: judged_from[kpi_id] for kpi_id, fold in folded.items() if fold.past_changed}
    return revisions_behind(since=changed)


def _cause_of_past(kpi_id: int, cause: Cause, revisions: Mapping[int, Revision]) -> Cause:
    """A late value is no correction: that needs a revision of a value that was already judged."""
    return "correction" if cause == "value" and kpi_id in revisions else cause


def _announced_cause(fold: Folded, cause: Cause, revisions: Mapping[int, Revision]) -> Cause:
    if fold.settled_through is None or (fold.past_changed and not fold.news):
        return _cause_of_past(fold.kpi_id, cause, revisions)
    return "value"


def _crossings(
    folded: Mapping[int, Folded],
    states: Mapping[int, Standing],
    revisions: Mapping[int, Revision],
    cause: Cause,
    now: datetime,
) -> list[Crossed]:
    """Return the changes after the last one recorded, as a chain; one more where a revision moved its end."""
    crossings: list[Crossed] = []
    for kpi_id, fold in folded.items():
        if not fold.moved:
            continue
        state = states[kpi_id]
        seq, (chain, newest_start, newest_end) = state.seq, state.last
        steps = [
            (step.period_start, fold.judged[step.period_start].period_end, step.to_band)
            for step in fold.transitions
            if step.period_start > newest_start
        ]
        through = fold.state.through
        if fold.state.confirmed and through is not None:
            # After a revision the chain may end elsewhere than the fold: its end is moved at the newest period.
            end = fold.judged[through].period_end if through > newest_start else newest_end
            steps.append((max(through, newest_start), end, fold.state.confirmed))
        for start, end, band in steps:
            if band == chain:
                continue
            seq += 1
            judged = fold.judged.get(start)
            crossings.append(
                Crossed(
                    kpi_id=kpi_id,
                    seq=seq,
                    from_band=chain,
                    to_band=band,
                    period_start=start,
                    period_end=end,
                    cause=_crossing_cause(fold, chain, start, cause, revisions),
                    value=judged.value if judged else None,
                    goal=judged.goal if judged else None,
                    red_flag=judged.red_flag if judged else None,
                    rule_version=fold.rule_version_at(start),
                    recorded_at=now,
                )
            )
            chain = band
        state.seq = seq
    return crossings


def _record(crossings: Sequence[Crossed], almanac: Almanac, now: datetime) -> None:
    """Write the crossings and what they make of incidents."""
    if not crossings:
        return
    columns = zip(Crossed._fields, as_arrays(crossings), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {**dict(columns), **explained_by(almanac, now)})


def _crossing_cause(fold: Folded, chain: str, start: date, cause: Cause, revisions: Mapping[int, Revision]) -> str:
    if not chain:
        return BandCrossing.Cause.FIRST
    if fold.settled_through is not None and start > fold.settled_through:
        return BandCrossing.Cause.VALUE
    return _cause_of_past(fold.kpi_id, cause, revisions)


def _store_states(folded: Mapping[int, Folded], states: Mapping[int, Standing]) -> None:
    for kpi_id, fold in folded.items():
        state = states[kpi_id]
        state.confirmed_band = fold.state.confirmed
        state.confirmed_since = fold.state.since
        state.pending = list(fold.state.pending)
        state.folded_through = fold.state.through
    if not states:
        return
    rows = [
        (s.kpi_id, s.confirmed_band, s.confirmed_since, json.dumps(s.pending), s.folded_through, s.seq)
        for s in states.values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(STORE_STATES, as_arrays(rows))
