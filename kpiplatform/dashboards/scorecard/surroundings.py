"""What stands around the rows of a scorecard, all in one statement: the last review, objectives, answers, decisions.

Written as SQL because the page is read often: the same through the ORM costs several times the statements themselves.
Whose KPIs and objectives these are was decided by whoever passes their ids.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from initiatives.as_known import answers_then
from initiatives.domain.status import OPEN
from kpiplatform.dashboards.as_known import AsKnown
from kpis.domain.sentences import Sentence

DECISIONS_AT_MOST = 5

STATEMENT = """
SELECT json_build_object(
    'review', (
        SELECT json_build_array(r.held_on, r.closed_at) FROM reviews_review r JOIN reviews_forum f ON f.id = r.forum_id
        WHERE f.tier = %(tier)s AND r.state = 'closed' AND r.held_on < %(before)s ORDER BY r.held_on DESC LIMIT 1
    ),
    'objectives', (
        SELECT json_agg(json_build_array(objective_id, band, score, worst_score, with_data, total))
        FROM objectives_objectivestate WHERE objective_id = ANY(%(objectives)s)
    ),
    'answers', (
        SELECT json_agg(json_build_array(kpi_id, initiatives, late)) FROM (
            SELECT x.kpi_id, count(*) AS initiatives, count(*) FILTER (WHERE EXISTS (
                SELECT FROM initiatives_milestone m
                WHERE m.initiative_id = x.initiative_id AND m.done_on IS NULL AND m.due_on < %(today)s
            )) AS late
            FROM initiatives_expectedimpact x JOIN initiatives_initiative i ON i.id = x.initiative_id
            WHERE x.kpi_id = ANY(%(kpis)s) AND i.status = ANY(%(open)s) GROUP BY x.kpi_id
        ) AS answered
    ),
    'decisions', (
        SELECT json_agg(json_build_array(title, detail, due_on, owner, kpi_id, code) ORDER BY due_on, id) FROM (
            SELECT d.id, d.title, d.detail, d.due_on, u.name AS owner, d.kpi_id, k.code
            FROM reviews_decision d JOIN reviews_forum f ON f.id = d.forum_id
            JOIN accounts_user u ON u.id = d.owner_id LEFT JOIN kpis_kpi k ON k.id = d.kpi_id
            WHERE d.state = 'due' AND f.tier = %(tier)s ORDER BY d.due_on, d.id LIMIT %(decisions)s
        ) AS due
    ),
    'failing', (
        SELECT json_agg(json_build_array(name, last_applied_at, last_error, consecutive_failures > 0) ORDER BY name)
        FROM kpis_datasource s WHERE (consecutive_failures > 0 OR is_enabled AND behind_from <= %(now)s) AND EXISTS (
            SELECT FROM kpis_sourcemapping m WHERE m.source_id = s.id AND m.kpi_id = ANY(%(kpis)s)
        )
    )
)::text
"""


class LastReview(NamedTuple):
    """The latest closed review of a tier before the time that is read."""

    held_on: date
    closed_at: datetime


class Answer(NamedTuple):
    """The open initiatives that are to move a KPI: how many, and how many have a late milestone."""

    count: int = 0
    late: int = 0


class ObjectiveStanding(NamedTuple):
    """The stored roll-up of an objective."""

    band: str
    score: Decimal | None
    worst_score: Decimal | None
    with_data: int
    total: int


class DueDecision(NamedTuple):
    """A decision that a forum of the tier owes."""

    title: str
    detail: str
    due_on: date
    owner: str
    kpi_id: int | None
    kpi_code: str | None


class FailingSource(NamedTuple):
    """A source that feeds one of the KPIs and fails, or is behind what was agreed about it."""

    name: str
    last_applied_at: datetime | None
    last_error: Sentence | None
    is_failing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What one statement found."""

    review: LastReview | None
    objectives: dict[int, ObjectiveStanding]
    answers: dict[int, Answer]
    decisions: list[DueDecision]
    failing: list[FailingSource]


def surroundings(
    *, kpi_ids: Sequence[int], objective_ids: Collection[int], tier: str, today: date, now: datetime, before: date
) -> Surroundings:
    """Return what stands around the given KPIs in one query; the review was held before the day `before`."""
    parameters = {
        "kpis": list(kpi_ids),
        "objectives": list(objective_ids),
        "tier": tier,
        "today": today,
        "now": now,
        "before": before,
        "open": list(OPEN),
        "decisions": DECISIONS_AT_MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, parameters)
        (text,) = cursor.fetchone()
    # Numbers are read as they were stored, not as the nearest float.
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    review = found["review"]
    return Surroundings(
        review=LastReview(date.fromisoformat(review[0]), datetime.fromisoformat(review[1])) if review else None,
        objectives={pk: ObjectiveStanding(*row) for pk, *row in found["objectives"] or ()},
        answers={pk: Answer(*row) for pk, *row in found["answers"] or ()},
        decisions=[
            DueDecision(title, detail, date.fromisoformat(due_on), *rest)
            for title, detail, due_on, *rest in found["decisions"] or ()
        ],
        failing=[
            FailingSource(
                name,
                datetime.fromisoformat(applied) if applied else None,
                Sentence.stored(error) if error else None,
                fails,
            )
            for name, applied, error, fails in found["failing"] or ()
        ],
    )


def answered_then(kpi_ids: Sequence[int], known: AsKnown) -> dict[int, Answer]:
    """Return the initiatives that answered the KPIs by what was known on a past day."""
    assert known.at is not None
    assert known.on is not None
    found = answers_then(kpi_ids=kpi_ids, known_at=known.at, today=known.on)
    return {kpi_id: Answer(*counts) for kpi_id, counts in found.items()}
