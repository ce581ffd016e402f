"""Who is told: what each subscription was told last is reconciled with what is confirmed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection

from alerts.domain.announce import Announcement as Decision
from alerts.domain.announce import Cause, decide, look_back_start
from alerts.services.facts import Confirmed, facts_of
from alerts.services.revising import Revision
from kpis.almanac import Almanac
from kpis.bulk import as_array, as_arrays
from kpis.domain.bands import Band

# Each owner of the KPIs in `owned` without a subscription gets one, and those of former owners end. What there was
# before is `held`; it is compared as pairs, which are hashed however few the planner expects.
SUBSCRIBED = """
held AS MATERIALIZED (
    SELECT k.*, s.*, as_owner AND user_id <> k.owner_id AS is_former
    FROM owned k CROSS JOIN LATERAL (
        SELECT id AS subscription_id, user_id, as_owner, is_active, worst_only, "when"
        FROM alerts_subscription WHERE kpi_id = k.kpi_id OFFSET 0
    ) AS s
), released AS (
    UPDATE alerts_subscription SET as_owner = false, is_active = false
    WHERE id = ANY(ARRAY(SELECT subscription_id FROM held WHERE is_former))
), subscribed AS (
    INSERT INTO alerts_subscription (user_id, kpi_id, as_owner, worst_only, "when", is_active)
    SELECT owner_id, kpi_id, true, false, 'now', true
    FROM owned WHERE (kpi_id, owner_id) NOT IN (SELECT kpi_id, user_id FROM held WHERE as_owner OR is_active)
    ORDER BY kpi_id
    ON CONFLICT ON CONSTRAINT subscribed_once DO UPDATE SET as_owner = true, is_active = true
    RETURNING id, kpi_id, user_id, as_owner, worst_only, "when"
)"""
SUBSCRIBE_OWNERS = f"""
WITH owned AS MATERIALIZED (SELECT id AS kpi_id, owner_id FROM kpis_kpi WHERE id = ANY(%s)), {SUBSCRIBED}
SELECT count(*) FROM subscribed
"""

# What is stored of a KPI is looked up for each: a plan made for nearly empty tables would read them whole every time.
# With the owners subscribed: subscriptions that were told, or noted, another band than the confirmed one. Digests are
# not told at once. Whoever follows units is looked for by the units that have KPIs here, which are few.
OF_KPI = "kpi_id, confirmed_band, folded_through, seq, calendar_id, frequency, reporting_lag_days, lag_in_working_days"
UNTOLD = f"""
WITH owned AS MATERIALIZED (
    SELECT k.id AS kpi_id, k.owner_id, k.objective_id, u.path, s.confirmed_band, s.folded_through, s.seq,
           k.calendar_id, k.frequency, k.reporting_lag_days, k.lag_in_working_days
    FROM (SELECT * FROM kpis_kpi WHERE id = ANY(%s) OFFSET 0) AS k JOIN objectives_unit u ON u.id = k.unit_id
    CROSS JOIN LATERAL (SELECT * FROM alerts_alertstate WHERE kpi_id = k.id OFFSET 0) AS s
), {SUBSCRIBED}, above AS MATERIALIZED (
    SELECT s.id, s.user_id, s.as_owner, s.worst_only, below.path, u.name
    FROM alerts_subscription s JOIN objectives_unit u ON u.id = s.unit_id
    JOIN (SELECT DISTINCT path FROM owned) AS below ON starts_with(below.path, u.path)
    WHERE s.unit_id IS NOT NULL AND s.is_active AND s."when" = 'now'
), wanted AS (
    SELECT {OF_KPI}, subscription_id, user_id, as_owner, worst_only, 1 AS nearness, '' AS objective, '' AS unit
    FROM held WHERE is_active AND "when" = 'now' AND NOT is_former
    UNION ALL
    SELECT {OF_KPI}, s.id, s.user_id, s.as_owner, s.worst_only, 1, '', ''
    FROM subscribed s JOIN owned USING (kpi_id) WHERE s."when" = 'now'
    UNION ALL
    SELECT {OF_KPI}, s.id, s.user_id, s.as_owner, s.worst_only, 2, s.objective, ''
    FROM owned k CROSS JOIN LATERAL (
        SELECT s.id, s.user_id, s.as_owner, s.worst_only, o.name AS objective
        FROM alerts_subscription s JOIN objectives_objective o ON o.id = s.objective_id
        WHERE s.objective_id = k.objective_id AND s.is_active AND s."when" = 'now' OFFSET 0
    ) AS s
    UNION ALL
    SELECT {OF_KPI}, a.id, a.user_id, a.as_owner, a.worst_only, 3, '', a.name FROM above a JOIN owned USING (path)
)
SELECT w.kpi_id, w.subscription_id, w.user_id, w.worst_only, w.as_owner, w.objective, w.unit, a.band,
       coalesce(a.seq, 0), a.told_at, w.confirmed_band, w.folded_through, w.seq,
       (SELECT id FROM alerts_bandcrossing c WHERE c.kpi_id = w.kpi_id AND c.seq = w.seq),
       w.calendar_id, w.frequency, w.reporting_lag_days, w.lag_in_working_days
FROM wanted w
LEFT JOIN LATERAL (
    SELECT * FROM alerts_announcement WHERE subscription_id = w.subscription_id AND kpi_id = w.kpi_id OFFSET 0
) AS a ON true
WHERE w.confirmed_band <> '' AND a.band IS DISTINCT FROM w.confirmed_band
ORDER BY w.kpi_id, w.user_id, w.as_owner DESC, w.nearness, w.subscription_id
"""
NOTE = """
INSERT INTO alerts_announcement (subscription_id, kpi_id, band, seq, told_at)
SELECT * FROM unnest(%(subscription)s::bigint[], %(kpi)s::bigint[], %(band)s::text[], %(seq)s::int[],
                     %(told_at)s::timestamptz[])
ON CONFLICT (subscription_id, kpi_id) DO UPDATE SET band = excluded.band, seq = excluded.seq, told_at = excluded.told_at
"""
# What is noted, and what is owed for it, in one statement.
OWE = f"""
WITH noted AS ({NOTE}), told AS MATERIALIZED (
    SELECT * FROM ROWS FROM (jsonb_to_recordset(%(told)s::jsonb) AS (key text, kind text, kpi_id bigint,
        crossing_id bigint, subscription_id bigint, facts jsonb, person_id bigint)) WITH ORDINALITY
        AS t(key, kind, kpi_id, crossing_id, subscription_id, facts, person_id, n)
), said AS (
    INSERT INTO alerts_message (dedup_key, kind, kpi_id, crossing_id, subscription_id, facts, created_at)
    SELECT key, kind, kpi_id, crossing_id, subscription_id, facts, %(now)s FROM told ORDER BY n
    RETURNING id, dedup_key
)
INSERT INTO alerts_delivery (id, message_id, recipient_id, channel, state, attempts, next_attempt_at, reply, created_at)
SELECT gen_random_uuid(), said.id, told.person_id, 'email', 'pending', 0, %(now)s, '', %(now)s
FROM told JOIN said ON said.dedup_key = told.key ORDER BY told.n
"""


class _Note(NamedTuple):
    """What a subscription was told of a KPI, or noted in silence."""

    subscription: int
    kpi: int
    band: str
    seq: int
    told_at: datetime | None


class Untold(NamedTuple):
    """A subscription whose announced band of a KPI is not the confirmed one; the nearest of a person comes first."""

    kpi_id: int
    subscription_id: int
    user_id: int
    worst_only: bool
    as_owner: bool
    objective: str
    unit: str
    band: str | None
    seq: int
    told_at: datetime | None
    confirmed_band: str
    folded_through: date | None
    confirmed_seq: int
    crossing_id: int | None
    calendar_id: int
    frequency: str
    lag: int
    lag_in_working_days: bool


def subscribe_owners(*, kpi_ids: Sequence[int]) -> None:
    """Subscribe each owner who has no subscription to their KPI, and end those of former owners.

    Owners who ended theirs themselves stay unsubscribed.
    """
    with connection.cursor() as cursor:
        cursor.execute(SUBSCRIBE_OWNERS, [as_array(kpi_ids)])


def announce(
    *,
    kpi_ids: Sequence[int],
    causes: Mapping[int, Cause],
    revisions: Mapping[int, Revision],
    almanac: Almanac,
    now: datetime,
) -> int:
    """Note what every subscription is told or would be, owe the messages, and return how many deliveries that are.

    Owners are subscribed before. A KPI without an entry in `causes` has a new value, like those whose band did not
    change.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNTOLD, [as_array(kpi_ids)])
        untold = [Untold(*row) for row in cursor.fetchall()]
    look_back = _LookBack(almanac, now)
    notes: list[_Note] = []
    told: list[tuple[Untold, Decision]] = []
    people: set[tuple[int, int]] = set()
    for row in untold:
        decision = _decide(row, causes.get(row.kpi_id, "value"), look_back.of(row))
        if decision.band is None:
            continue
        told_at = now if decision.send else row.told_at
        notes.append(
            _Note(row.subscription_id, row.kpi_id, decision.band, row.confirmed_seq, told_at if decision.told else None)
        )
        # Several subscriptions of one person make one message.
        if decision.send and (row.kpi_id, row.user_id) not in people:
            people.add((row.kpi_id, row.user_id))
            told.append((row, decision))
    if notes:
        parameters: dict[str, str | datetime] = dict(zip(_Note._fields, as_arrays(notes), strict=True))
        if told:
            messages = _messages(told, revisions, almanac, now)
            parameters |= {"now": now, "told": orjson.dumps(messages).decode()}
        with connection.cursor() as cursor:
            cursor.execute(OWE if told else NOTE, parameters)
    return len(told)


def _decide(row: Untold, cause: Cause, look_back_from: date) -> Decision:
    """Return what to do; a band of None means that nothing is noted, since the fact is too old to count."""
    seen = _only_worst if row.worst_only else str
    decision = decide(
        None if row.band is None else seen(row.band),
        seen(row.confirmed_band),
        told=row.told_at is not None,
        newest_period=row.folded_through,
        look_back_from=look_back_from,
        cause=cause,
    )
    noted = decision.band == seen(row.confirmed_band)
    band = row.confirmed_band if noted else None
    return Decision(kind=decision.kind, send=decision.send, band=band, told=decision.told)


def _only_worst(band: str) -> str:
    """For whoever wants only the worst told, at risk is as good as on track."""
    return Band.ON_TRACK if band == Band.AT_RISK else band


class _LookBack:
    """The start of the oldest period that may still alert; KPIs of the same rhythm share one."""

    def __init__(self, almanac: Almanac, now: datetime) -> None:
        self._almanac, self._today = almanac, almanac.today(now)
        self._starts: dict[tuple[int, str, int, bool], date] = {}

    def of(self, row: Untold) -> date:
        rhythm = (row.calendar_id, row.frequency, row.lag, row.lag_in_working_days)
        if rhythm not in self._starts:
            self._starts[rhythm] = look_back_start(
                today=self._today,
                frequency=row.frequency,
                calendar=self._almanac.calendars[row.calendar_id],
                lag_days=row.lag,
                working=self._almanac.working[row.calendar_id] if row.lag_in_working_days else None,
            )
        return self._starts[rhythm]


def _messages(
    told: list[tuple[Untold, Decision]], revisions: Mapping[int, Revision], almanac: Almanac, now: datetime
) -> list[dict[str, Any]]:
    confirmed = {row.kpi_id: Confirmed(row.confirmed_band, row.folded_through) for row, _ in told}
    facts = facts_of(confirmed=confirmed, revisions=revisions, almanac=almanac, now=now)
    return [
        {
            "key": f"{decision.kind}|{row.kpi_id}|{row.subscription_id}|{row.seq}|{row.confirmed_seq}|0",
            "kind": decision.kind,
            "kpi_id": row.kpi_id,
            "crossing_id": row.crossing_id,
            "subscription_id": row.subscription_id,
            "facts": facts[row.kpi_id] | {"was": row.band, "told": row.told_at is not None, "follows": _reason(row)},
            "person_id": row.user_id,
        }
        for row, decision in told
    ]


def _reason(row: Untold) -> dict[str, str]:
    """Why the subscriber is told, in the words of the mail's last line."""
    kind = "owner" if row.as_owner else "objective" if row.objective else "unit" if row.unit else "kpi"
    return {"kind": kind, "name": row.objective or row.unit}
