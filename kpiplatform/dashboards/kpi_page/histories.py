"""The rows that hang on one KPI, in two statements: its values; its rules, notes, revisions and promises.

Written as SQL because the page is read often: the same through the ORM costs ten times the statement itself.
As known at a past moment, values are their latest revisions before it, and what was recorded later is left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from initiatives.as_known import THEN
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_page.facts import Comment, HeldPull, Promise, Remark, Revision, Row, Step, Version
from kpis.domain.limits import TargetRow, ThresholdRow

LATEST_REVISIONS = 10
MOST_REVISIONS = 1000

ROWS_NOW = """
SELECT m.period_start, m.period_end, m.value, m.numerator, m.denominator, m.state, m.reason, m.recorded_at::text,
    e.kpi_id IS NOT NULL, e.value, e.goal, e.red_flag, e.goal_high, e.red_high,
    e.score, coalesce(e.band, ''), coalesce(e.no_band_reason, '')
FROM kpis_measurement m LEFT JOIN kpis_evaluation e USING (kpi_id, period_start)
WHERE m.kpi_id = %(kpi)s ORDER BY m.period_start
"""
ROWS_KNOWN = """
SELECT DISTINCT ON (period_start) period_start, period_end, value, numerator, denominator, state, reason,
    recorded_at::text, false, NULL, NULL, NULL, NULL, NULL, NULL, '', ''
FROM kpis_measurementrevision
WHERE kpi_id = %(kpi)s AND recorded_at < %(known_at)s ORDER BY period_start, seq DESC
"""
PEOPLE_NOW = """json_build_object('owner', (SELECT name FROM accounts_user WHERE id = k.owner_id),
        'deputy', (SELECT name FROM accounts_user WHERE id = k.deputy_id),
        'steward', (SELECT name FROM accounts_user WHERE id = k.steward_id))"""
PEOPLE_KNOWN = """json_build_object('owner', coalesce((
            SELECT u.name FROM kpis_kpiownership o JOIN accounts_user u ON u.id = o.owner_id
            WHERE o.kpi_id = k.id AND o.recorded_at < %(known_at)s
            ORDER BY o.effective_from DESC, o.recorded_at DESC LIMIT 1
        ), (SELECT name FROM accounts_user WHERE id = k.owner_id)))"""
DEFINITION_KNOWN = """
SELECT definition || jsonb_build_object('version', version) FROM kpis_kpiversion
WHERE kpi_id = k.id AND recorded_at < %(known_at)s ORDER BY version DESC LIMIT 1
"""
# A held pull is said where it would change a value: what a person corrected stays until the source says something else.
# The first value of a period is no change: it is listed only among all versions.
STATEMENT = """
SELECT json_build_object(
    'time_zone', (SELECT time_zone FROM objectives_organisation LIMIT 1),
    'holidays', (SELECT json_agg(day) FROM kpis_holiday WHERE calendar_id = k.calendar_id),
    'locked_until', (
        SELECT max(l.locked_until) FROM kpis_periodlock l LEFT JOIN objectives_unit lu ON lu.id = l.unit_id
        WHERE l.calendar_id = k.calendar_id AND (l.unit_id IS NULL OR starts_with(u.path, lu.path))
          AND l.locked_at >= k.created_at
    ),
    'reopened', (
        SELECT json_agg(period_start) FROM kpis_periodreopening
        WHERE kpi_id = k.id AND approved_by_id IS NOT NULL AND expires_at > %(now)s
    ),
    'failing_since', (
        SELECT min(p.finished_at) FROM kpis_sourcemapping m
        JOIN kpis_datasource s ON s.id = m.source_id JOIN kpis_pull p ON p.source_id = s.id
        WHERE m.kpi_id = k.id AND p.state IN ('failed', 'suspect') AND p.slot > coalesce(s.last_applied_at, '-infinity')
    ),
    'held', (
        SELECT json_build_array(p.id, p.started_at, owner.name) FROM kpis_sourcemapping m
        JOIN kpis_datasource s ON s.id = m.source_id JOIN accounts_user owner ON owner.id = s.owner_id
        JOIN kpis_pull p ON p.source_id = s.id AND p.state = 'suspect'
        JOIN kpis_stagedreading r ON r.pull_id = p.id AND r.kpi_id = k.id
        LEFT JOIN kpis_measurement v ON v.kpi_id = k.id AND v.period_start = r.period_start
        WHERE m.kpi_id = k.id AND (v.value, v.state) IS DISTINCT FROM (r.value, r.state) AND (
            SELECT (array_agg(c.kind ORDER BY c.seq DESC))[1] <> 'pull' AND r.value IS NOT DISTINCT FROM
                (array_agg(c.value ORDER BY c.seq DESC) FILTER (WHERE c.kind = 'pull'))[1]
            FROM kpis_measurementrevision c WHERE c.kpi_id = k.id AND c.period_start = r.period_start
        ) IS NOT TRUE
        ORDER BY p.started_at DESC LIMIT 1
    ),
    'revision_count', (
        SELECT count(*) FROM kpis_measurementrevision WHERE kpi_id = k.id AND recorded_at < %(known_at)s
    ),
    'parts_count', (SELECT count(*) FROM kpis_kpi WHERE part_of_id = k.id AND status = 'active'),
    'feeds_others', EXISTS (SELECT FROM kpis_kpiinput WHERE input_id = k.id AND is_current),
    'people', {people},
    'definition', ({definition}),
    'latest_parts', (
        SELECT json_object_agg(m.kpi_id, json_build_array(m.numerator, m.denominator))
        FROM kpis_kpi c JOIN kpis_kpistate s ON s.kpi_id = c.id
        JOIN kpis_measurement m ON m.kpi_id = c.id AND m.period_start = s.period_start
        WHERE c.part_of_id = k.id AND m.denominator IS NOT NULL
    ),
    'targets', (
        SELECT json_agg(json_build_object('effective_from', effective_from, 'recorded_at', recorded_at,
            'value', value, 'low', low, 'high', high) ORDER BY effective_from, recorded_at)
        FROM kpis_target WHERE kpi_id = k.id AND recorded_at < %(known_at)s
    ),
    'thresholds', (
        SELECT json_agg(json_build_object('effective_from', effective_from, 'recorded_at', recorded_at, 'mode', mode,
            'goal', goal, 'red_flag', red_flag, 'goal_low', goal_low, 'goal_high', goal_high, 'red_low', red_low,
            'red_high', red_high, 'scores', scores) ORDER BY effective_from, recorded_at)
        FROM kpis_thresholdset WHERE kpi_id = k.id AND recorded_at < %(known_at)s
    ),
    'remarks', (
        SELECT json_agg(json_build_object('pk', a.id, 'start', a.period_start, 'end', a.period_end, 'text', a.text,
            'author_id', a.author_id, 'author', u.name, 'at', a.created_at) ORDER BY a.period_start, a.id)
        FROM kpis_annotation a JOIN accounts_user u ON u.id = a.author_id
        WHERE a.kpi_id = k.id AND a.created_at < %(known_at)s
    ),
    'comments', (
        SELECT json_agg(json_build_object('pk', c.id, 'parent', c.parent_id, 'kind', c.kind, 'mentioned', (
                SELECT json_agg(n.name) FROM kpis_commentary_mentioned m JOIN accounts_user n ON n.id = m.user_id
                WHERE m.commentary_id = c.id
            ), 'period_start', c.period_start, 'body', c.body, 'cause', c.cause, 'action', c.action,
            'recovery_on', c.recovery_on, 'author', u.name, 'at', c.created_at) ORDER BY c.created_at, c.id)
        FROM kpis_commentary c JOIN accounts_user u ON u.id = c.author_id
        WHERE c.kpi_id = k.id AND c.created_at < %(known_at)s
    ),
    'versions', (
        SELECT json_agg(json_build_object('number', version, 'effective_from', effective_from,
            'breaks_series', breaks_series, 'reason', reason) ORDER BY effective_from, version)
        FROM kpis_kpiversion WHERE kpi_id = k.id AND recorded_at < %(known_at)s
    ),
    'revisions', (
        SELECT json_agg(json_build_object('start', r.period_start, 'seq', r.seq, 'was', b.value, 'now', r.value,
            'state', r.state, 'state_before', coalesce(b.state, ''), 'reason', r.reason, 'kind', r.kind,
            'note', r.note, 'who', coalesce(u.name, s.name), 'at', r.recorded_at, 'until', (
                SELECT recorded_at FROM kpis_measurementrevision WHERE kpi_id = r.kpi_id
                AND period_start = r.period_start AND seq = r.seq + 1 AND recorded_at < %(known_at)s
            ))
            ORDER BY r.recorded_at DESC, r.period_start DESC, r.seq DESC)
        FROM (
            SELECT * FROM kpis_measurementrevision
            WHERE kpi_id = k.id AND seq > %(seq)s AND recorded_at < %(known_at)s
            ORDER BY recorded_at DESC, period_start DESC, seq DESC LIMIT %(revisions)s
        ) AS r
        LEFT JOIN kpis_measurementrevision b
            ON b.kpi_id = r.kpi_id AND b.period_start = r.period_start AND b.seq = r.seq - 1
        LEFT JOIN accounts_user u ON u.id = r.recorded_by_id
        LEFT JOIN kpis_pull p ON p.id = r.pull_id LEFT JOIN kpis_datasource s ON s.id = p.source_id
    ),
    'promises', (
        SELECT json_agg(json_build_object('name', i.name, 'code', i.code, 'status', i.status, 'change', x.change,
            'starts_on', x.starts_on, 'full_effect_on', x.full_effect_on, 'confidence', x.confidence,
            'steps', (
                SELECT json_agg(json_build_object('name', name, 'planned_on', planned_on, 'due_on', due_on,
                    'done_on', done_on) ORDER BY position, due_on)
                FROM {milestones} WHERE initiative_id = i.id
            )) ORDER BY x.starts_on, x.id)
        FROM {impacts} x JOIN {initiatives} i ON i.id = x.initiative_id
        WHERE x.kpi_id = k.id AND i.status <> 'stopped'
    )
)::text
FROM kpis_kpi k JOIN objectives_unit u ON u.id = k.unit_id WHERE k.id = %(kpi)s
"""
AS_KNOWN_NOW = STATEMENT.format(
    people=PEOPLE_NOW,
    definition="SELECT NULL",
    initiatives="initiatives_initiative",
    milestones="initiatives_milestone",
    impacts="initiatives_expectedimpact",
)
AS_KNOWN_THEN = f"WITH {THEN}" + STATEMENT.format(
    people=PEOPLE_KNOWN,
    definition=DEFINITION_KNOWN,
    initiatives="initiatives_then",
    milestones="milestones_then",
    impacts="impacts_then",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """What two statements found; all in time order, revisions newest first.

    `latest_parts` holds numerator and denominator of the latest ratio of each KPI of the units below. `people`
    are the names by what they do. `definition` is that of a past moment, None where nothing else than today's was
    recorded by then.
    """

    time_zone: str
    holidays: frozenset[date]
    locked_until: date | None
    reopened: frozenset[date]
    failing_since: datetime | None
    held: HeldPull | None
    revision_count: int
    people: dict[str, str]
    definition: dict[str, Any] | None
    parts_count: int
    feeds_others: bool
    latest_parts: dict[int, tuple[Decimal, Decimal]]
    rows: tuple[Row, ...]
    targets: tuple[TargetRow, ...]
    thresholds: tuple[ThresholdRow, ...]
    remarks: tuple[Remark, ...]
    comments: tuple[Comment, ...]
    versions: tuple[Version, ...]
    revisions: tuple[Revision, ...]
    promises: tuple[Promise, ...]


def histories(*, kpi_id: int, now: datetime, all_revisions: bool, known_at: datetime | None = None) -> Histories:
    """Return the rows of a KPI in two queries; the latest changes of values, or all versions up to a thousand.

    As known at a past moment the rows are not judged: their judgement depends on what else was known.
    """
    limit, seq = (MOST_REVISIONS, 0) if all_revisions else (LATEST_REVISIONS, 1)
    asked = {"kpi": kpi_id, "now": now, "revisions": limit, "seq": seq, "known_at": known_at or "infinity"}
    with connection.cursor() as cursor:
        cursor.execute(AS_KNOWN_THEN if known_at else AS_KNOWN_NOW, asked)
        (text,) = cursor.fetchone()
        cursor.execute(ROWS_KNOWN if known_at else ROWS_NOW, asked)
        rows = tuple(map(Row._make, cursor.fetchall()))
    # Numbers are read as they were stored, not as the nearest float.
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return Histories(
        time_zone=found["time_zone"] or "UTC",
        holidays=_days(found["holidays"]),
        locked_until=_day(found["locked_until"]),
        reopened=_days(found["reopened"]),
        failing_since=_moment(found["failing_since"]),
        held=_held(found["held"]),
        revision_count=found["revision_count"],
        people={does: name for does, name in found["people"].items() if name},
        definition=found["definition"],
        parts_count=found["parts_count"],
        feeds_others=found["feeds_others"],
        latest_parts={int(kpi): tuple(parts) for kpi, parts in (found["latest_parts"] or {}).items()},
        rows=rows,
        targets=tuple(TargetRow(**_timed(row)) for row in found["targets"] or ()),
        thresholds=tuple(_thresholds(row) for row in found["thresholds"] or ()),
        remarks=tuple(_remark(row) for row in found["remarks"] or ()),
        comments=tuple(_comment(row) for row in found["comments"] or ()),
        versions=tuple(_version(row) for row in found["versions"] or ()),
        revisions=tuple(_revision(row) for row in found["revisions"] or ()),
        promises=tuple(_promise(row) for row in found["promises"] or ()),
    )


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "effective_from": date.fromisoformat(row["effective_from"]),
        "recorded_at": datetime.fromisoformat(row["recorded_at"]),
    }


def _thresholds(row: dict[str, Any]) -> ThresholdRow:
    scores = {Decimal(option): Decimal(score) for option, score in row["scores"].items()}
    return ThresholdRow(**_timed(row) | {"scores": scores or None})


def _remark(row: dict[str, Any]) -> Remark:
    return Remark(
        pk=row["pk"],
        start=date.fromisoformat(row["start"]),
        end=date.fromisoformat(row["end"]),
        text=row["text"],
        author=User(pk=row["author_id"], name=row["author"]),
        at=datetime.fromisoformat(row["at"]),
    )


def _comment(row: dict[str, Any]) -> Comment:
    typed = {
        "period_start": _day(row["period_start"]),
        "recovery_on": _day(row["recovery_on"]),
        "mentioned": tuple(row["mentioned"] or ()),
        "author": User(name=row["author"]),
        "at": datetime.fromisoformat(row["at"]),
    }
    return Comment(**row | typed)


def _version(row: dict[str, Any]) -> Version:
    return Version(**row | {"effective_from": date.fromisoformat(row["effective_from"])})


def _revision(row: dict[str, Any]) -> Revision:
    typed = {
        "start": date.fromisoformat(row["start"]),
        "at": datetime.fromisoformat(row["at"]),
        "until": _moment(row["until"]),
    }
    return Revision(**row | typed)


def _promise(row: dict[str, Any]) -> Promise:
    typed = {
        "starts_on": date.fromisoformat(row["starts_on"]),
        "full_effect_on": date.fromisoformat(row["full_effect_on"]),
        "steps": tuple(_step(step) for step in row["steps"] or ()),
    }
    return Promise(**row | typed)


def _step(row: dict[str, Any]) -> Step:
    return Step(name=row["name"], **{key: _day(row[key]) for key in ("planned_on", "due_on", "done_on")})


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _days(texts: list[str] | None) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts or ())


def _held(found: list[Any] | None) -> HeldPull | None:
    if found is None:
        return None
    pk, at, decides = found
    return HeldPull(pk=pk, at=datetime.fromisoformat(at), decides=decides)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
