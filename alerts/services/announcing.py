"""Who is told: what each subscription was told last is reconciled with what is confirmed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson
from django.db import connection

from alerts.domain.announce import Announcement as Decision
from alerts.domain.announce import Cause, decide, look_back_start
from alerts.models import AlertState, Announcement, Subscription
from alerts.queries import local_date, working_days
from alerts.services.facts import facts_of
from alerts.services.revising import Revision
from kpis.domain.bands import Band
from kpis.models import Kpi
from kpis.queries import calendars

RELEASE_FORMER_OWNERS = """
UPDATE alerts_subscription s SET as_owner = false, is_active = false
FROM kpis_kpi k WHERE k.id = ANY(%s) AND s.kpi_id = k.id AND s.as_owner AND s.user_id <> k.owner_id
"""
SUBSCRIBE_OWNERS = """
INSERT INTO alerts_subscription (user_id, kpi_id, as_owner, worst_only, "when", is_active)
SELECT k.owner_id, k.id, true, false, 'now', true
FROM kpis_kpi k
WHERE k.id = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM alerts_subscription s
    WHERE s.kpi_id = k.id AND s.user_id = k.owner_id AND (s.as_owner OR s.is_active))
ORDER BY k.id
ON CONFLICT ON CONSTRAINT subscribed_once DO UPDATE SET as_owner = true, is_active = true
"""

# Subscriptions that were told, or noted, another band than the confirmed one. Digests are not told at once. Whoever
# follows units is looked for by the units that have KPIs here, which are few.
UNTOLD = """
WITH judged AS (
    SELECT k.id, k.objective_id, u.path, s.confirmed_band
    FROM alerts_alertstate s JOIN kpis_kpi k ON k.id = s.kpi_id JOIN objectives_unit u ON u.id = k.unit_id
    WHERE s.kpi_id = ANY(%s) AND s.confirmed_band <> ''
), above AS MATERIALIZED (
    SELECT s.id, s.user_id, s.as_owner, s.worst_only, below.path
    FROM alerts_subscription s JOIN objectives_unit u ON u.id = s.unit_id
    JOIN (SELECT DISTINCT path FROM judged) AS below ON starts_with(below.path, u.path)
    WHERE s.unit_id IS NOT NULL AND s.is_active AND s."when" = 'now'
), wanted AS (
    SELECT s.id, s.user_id, s.as_owner, s.worst_only, j.id AS kpi_id, j.confirmed_band, 1 AS nearness
    FROM alerts_subscription s JOIN judged j ON s.kpi_id = j.id WHERE s.is_active AND s."when" = 'now'
    UNION ALL
    SELECT s.id, s.user_id, s.as_owner, s.worst_only, j.id, j.confirmed_band, 2
    FROM alerts_subscription s JOIN judged j USING (objective_id)
    WHERE s.objective_id IS NOT NULL AND s.is_active AND s."when" = 'now'
    UNION ALL
    SELECT a.id, a.user_id, a.as_owner, a.worst_only, j.id, j.confirmed_band, 3 FROM above a JOIN judged j USING (path)
)
SELECT w.kpi_id, w.id, w.user_id, w.worst_only, a.band, coalesce(a.seq, 0), a.told_at
FROM wanted w LEFT JOIN alerts_announcement a ON a.subscription_id = w.id AND a.kpi_id = w.kpi_id
WHERE a.band IS DISTINCT FROM w.confirmed_band
ORDER BY w.kpi_id, w.user_id, w.as_owner DESC, w.nearness, w.id
"""
OWE = """
WITH told AS MATERIALIZED (
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


@dataclass(frozen=True, slots=True)
class Untold:
    """A subscription whose announced band of a KPI is not the confirmed one; the nearest of a person comes first."""

    kpi_id: int
    subscription_id: int
    user_id: int
    worst_only: bool
    band: str | None
    seq: int
    told_at: datetime | None


def subscribe_owners(*, kpi_ids: Sequence[int]) -> None:
    """Subscribe each owner who has no subscription to their KPI, and end those of former owners.

    Owners who ended theirs themselves stay unsubscribed.
    """
    with connection.cursor() as cursor:
        cursor.execute(RELEASE_FORMER_OWNERS, [list(kpi_ids)])
        cursor.execute(SUBSCRIBE_OWNERS, [list(kpi_ids)])


def announce(
    *,
    kpi_ids: Sequence[int],
    causes: Mapping[int, Cause],
    revisions: Mapping[int, Revision],
    now: datetime,
) -> int:
    """Note what every subscription is told or would be, owe the messages, and return how many deliveries that are.

    A KPI without an entry in `causes` has a new value, like those whose band did not change.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNTOLD, [list(kpi_ids)])
        untold = [Untold(*row) for row in cursor.fetchall()]
    if not untold:
        return 0
    about = sorted({row.kpi_id for row in untold})
    states = AlertState.objects.in_bulk(about)
    look_back = _look_back(about, local_date(now))
    notes: list[Announcement] = []
    told: list[tuple[Untold, Decision]] = []
    people: set[tuple[int, int]] = set()
    for row in untold:
        state = states[row.kpi_id]
        decision = _decide(row, state, causes.get(row.kpi_id, "value"), look_back[row.kpi_id])
        if decision.band is None:
            continue
        told_at = now if decision.send else row.told_at
        notes.append(
            Announcement(
                subscription_id=row.subscription_id,
                kpi_id=row.kpi_id,
                band=decision.band,
                seq=state.seq,
                told_at=told_at if decision.told else None,
            )
        )
        # Several subscriptions of one person make one message.
        if decision.send and (row.kpi_id, row.user_id) not in people:
            people.add((row.kpi_id, row.user_id))
            told.append((row, decision))
    Announcement.objects.bulk_create(
        notes,
        update_conflicts=True,
        unique_fields=["subscription", "kpi"],
        update_fields=["band", "seq", "told_at"],
    )
    return _owe(told, states, revisions, now)


def _decide(row: Untold, state: AlertState, cause: Cause, look_back_from: date) -> Decision:
    """Return what to do; a band of None means that nothing is noted, since the fact is too old to count."""
    seen = _only_worst if row.worst_only else str
    decision = decide(
        None if row.band is None else seen(row.band),
        seen(state.confirmed_band),
        told=row.told_at is not None,
        newest_period=state.folded_through,
        look_back_from=look_back_from,
        cause=cause,
    )
    noted = decision.band == seen(state.confirmed_band)
    band = state.confirmed_band if noted else None
    return Decision(kind=decision.kind, send=decision.send, band=band, told=decision.told)


def _only_worst(band: str) -> str:
    """For whoever wants only the worst told, at risk is as good as on track."""
    return Band.ON_TRACK if band == Band.AT_RISK else band


def _look_back(kpi_ids: list[int], today: date) -> dict[int, date]:
    """The start of the oldest period that may still alert, by KPI; KPIs of the same rhythm share one."""
    by_calendar, working = calendars(), working_days()
    starts: dict[tuple[int, str, int, bool], date] = {}
    look_back = {}
    for kpi_id, calendar_id, frequency, lag, in_working_days in Kpi.objects.filter(pk__in=kpi_ids).values_list(
        "pk", "calendar_id", "frequency", "reporting_lag_days", "lag_in_working_days"
    ):
        rhythm = (calendar_id, frequency, lag, in_working_days)
        if rhythm not in starts:
            starts[rhythm] = look_back_start(
                today=today,
                frequency=frequency,
                calendar=by_calendar[calendar_id],
                lag_days=lag,
                working=working[calendar_id] if in_working_days else None,
            )
        look_back[kpi_id] = starts[rhythm]
    return look_back


def _owe(
    told: list[tuple[Untold, Decision]],
    states: Mapping[int, AlertState],
    revisions: Mapping[int, Revision],
    now: datetime,
) -> int:
    if not told:
        return 0
    kpi_ids = sorted({row.kpi_id for row, _ in told})
    facts = facts_of(states={kpi_id: states[kpi_id] for kpi_id in kpi_ids}, revisions=revisions, now=now)
    follows = _reasons([row.subscription_id for row, _ in told])
    rows = []
    for row, decision in told:
        seq = states[row.kpi_id].seq
        said = {"was": row.band, "told": row.told_at is not None, "follows": follows[row.subscription_id]}
        rows.append(
            {
                "key": f"{decision.kind}|{row.kpi_id}|{row.subscription_id}|{row.seq}|{seq}|0",
                "kind": decision.kind,
                "kpi_id": row.kpi_id,
                "crossing_id": facts[row.kpi_id].crossing_id,
                "subscription_id": row.subscription_id,
                "facts": facts[row.kpi_id].data | said,
                "person_id": row.user_id,
            }
        )
    with connection.cursor() as cursor:
        cursor.execute(OWE, {"now": now, "told": orjson.dumps(rows).decode()})
    return len(rows)


def _reasons(subscription_ids: list[int]) -> dict[int, dict[str, str]]:
    """Why each subscriber is told, in the words of the mail's last line."""
    reasons = {}
    for pk, as_owner, objective, unit in Subscription.objects.filter(pk__in=subscription_ids).values_list(
        "pk", "as_owner", "objective__name", "unit__name"
    ):
        kind = "owner" if as_owner else "objective" if objective else "unit" if unit else "kpi"
        reasons[pk] = {"kind": kind, "name": objective or unit or ""}
    return reasons
