"""What a forum has before it at a moment: its KPIs and objectives as known, and what they wait for. To be frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from initiatives.models import ExpectedImpact, Initiative, Milestone
from kpis.as_known import states_as_known
from kpis.dates import short_label
from kpis.domain.periods import period_of
from kpis.domain.state import State
from kpis.grades import grades_of
from kpis.models import Commentary, Kpi
from kpis.objectives_as_known import objectives_as_known
from kpis.queries import calendars
from kpis.restatements import grades_of_changes, restatements
from kpis.revision_words import who_revised
from objectives.models import Objective
from objectives.queries import organisation
from reviews.domain.agenda import Dated, Standing, agenda_of
from reviews.models import Action, Decision, Forum, Review
from reviews.queries import (
    kpis_reviewed_in,
    meetings_after,
    organisation_zone,
    people_of,
    previous_pack,
    working_days,
)

FORMAT = 1
STALE = {"stale", "source_error", "never"}
OPEN_INITIATIVE = (Initiative.Status.PROPOSED, Initiative.Status.APPROVED, Initiative.Status.RUNNING)

type Content = dict[str, Any]


def table_of(review: Review, *, at: datetime, knows_health: bool = True) -> Content:
    """Return the content of the pack of `review` as known at `at`: texts and whole numbers only.

    Without `knows_health` (a review frozen long after it was held) nothing is said about late data, since how late
    it was on that day is not recorded. A constant number of queries.
    """
    forum = review.forum
    # A meeting that opens early does not know how the days before it end.
    today = at.astimezone(organisation_zone()).date()
    before = min(review.held_on, today)
    kpis = _kpis(forum)
    states = states_as_known(kpis=kpis, before=before, known_at=at, whole_bands=True)
    previous = previous_pack(review)
    explained, initiatives = _explanations(kpis, at), _initiatives(kpis, at, before)
    then = {row["code"]: row for row in previous["kpis"]} if previous else {}
    by_calendar = calendars()
    latest = {pk: state.last.period_start if state.last else None for pk, (state, _since) in states.items()}
    grades = grades_of(latest, today=today, known_at=at)
    rows = [
        _kpi(kpi, states.get(kpi.pk), by_calendar[kpi.calendar_id], knows_health)
        | {
            "explanation": _in_force(explained.get(kpi.pk), states.get(kpi.pk)),
            "initiatives": initiatives[kpi.pk],
            "then": _then(then.get(kpi.code)),
            "confidence": grades.get(kpi.pk, ""),
        }
        for kpi in kpis
    ]
    decisions, actions = _decisions(review), _actions(review)
    agenda = agenda_of(
        [_standing(row) for row in rows],
        decisions=[Dated(key=str(row["id"]), due_on=date.fromisoformat(row["due_on"])) for row in decisions],
        actions=[Dated(key=str(row["id"]), due_on=date.fromisoformat(row["due_on"])) for row in actions],
        held_on=review.held_on,
    )
    return {
        "format": FORMAT,
        "organisation": organisation().name,
        "forum": {"code": forum.code, "name": forum.name, "tier": forum.tier, "unit": forum.unit.name},
        "people": [{"name": person.name, "is_chair": person.pk == forum.chair_id} for person in people_of(forum)],
        "held_on": review.held_on.isoformat(),
        "known_at": at.isoformat(),
        "since": previous["held_on"] if previous else "",
        "objectives": _objectives(kpis, before, at),
        "kpis": rows,
        "restated": _restated(kpis, previous, at, by_calendar),
        "decisions": decisions,
        "actions": actions,
        "agenda": [
            {"section": item.section.value, "key": item.key, "reasons": [reason.value for reason in item.reasons]}
            for item in agenda
        ],
    }


def _kpis(forum: Forum) -> list[Kpi]:
    kpis = kpis_reviewed_in(forum).select_related(
        "state", "owner", "unit", "objective__perspective", "objective__owner"
    )
    return list(
        kpis.order_by("objective__perspective__position", "objective__position", "objective_id", "position", "code")
    )


def _kpi(kpi: Kpi, known: tuple[State, date] | None, calendar: Any, knows_health: bool) -> Content:
    state, since = known if known else (State(), None)
    last, health = state.last, getattr(kpi, "state", None)
    return {
        "code": kpi.code,
        "name": kpi.name,
        "purpose": kpi.purpose,
        "objective": kpi.objective.code,
        "unit_name": kpi.unit.name,
        "owner": kpi.owner.name,
        "unit": kpi.measure_unit,
        "decimals": kpi.decimals,
        "polarity": kpi.polarity,
        "period_start": last.period_start.isoformat() if last else "",
        "period": short_label(period_of(last.period_start, kpi.frequency, calendar)) if last else "",
        "value": _text(last.value) if last else "",
        "previous_value": _text(state.previous_value),
        "goal": _text(last.goal) if last else "",
        "goal_high": _text(last.goal_high) if last else "",
        "red_flag": _text(last.red_flag) if last else "",
        "red_high": _text(last.red_high) if last else "",
        "score": _text(last.score) if last else "",
        "band": last.band if last else "",
        "band_since": since.isoformat() if since else "",
        "band_since_period": short_label(period_of(since, kpi.frequency, calendar)) if since else "",
        "signal": state.signal,
        "spark": asdict(state.spark) if state.spark else {},
        "health": (health.health if health else "never") if knows_health else "",
        "days_late": health.days_late if health and knows_health else 0,
    }


def _text(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}"


def _then(row: Content | None) -> Content | None:
    if row is None:
        return None
    return {name: row[name] for name in ("band", "score", "value", "goal")} | {"confidence": row.get("confidence", "")}


def _standing(row: Content) -> Standing:
    return Standing(
        key=row["code"],
        band=row["band"],
        score=Decimal(row["score"]) if row["score"] else None,
        then_band=row["then"]["band"] if row["then"] else None,
        has_initiative=bool(row["initiatives"]),
        is_explained=row["explanation"] is not None,
        is_stale=row["health"] in STALE,
    )


def _explanations(kpis: Sequence[Kpi], at: datetime) -> dict[int, Commentary]:
    rows = Commentary.objects.filter(kpi__in=kpis, kind=Commentary.Kind.EXPLANATION, created_at__lt=at)
    return {row.kpi_id: row for row in rows.select_related("author").order_by("created_at", "pk")}


def _in_force(said: Commentary | None, known: tuple[State, date] | None) -> Content | None:
    """An explanation counts while the band it explains lasts."""
    if said is None or known is None or said.period_start is None or said.period_start < known[1]:
        return None
    return {
        "cause": said.cause,
        "action": said.action,
        "recovery_on": said.recovery_on.isoformat() if said.recovery_on else "",
        "author": said.author.name,
    }


def _initiatives(kpis: Sequence[Kpi], at: datetime, today: date) -> dict[int, list[Content]]:
    impacts = ExpectedImpact.objects.filter(
        kpi__in=kpis, initiative__status__in=OPEN_INITIATIVE, initiative__created_at__lt=at
    )
    late = Milestone.objects.filter(
        Q(done_on__isnull=True) | Q(done_on__gt=today), initiative__impacts__in=impacts, due_on__lt=today
    )
    late_ones = set(late.values_list("initiative_id", flat=True))
    found: dict[int, list[Content]] = defaultdict(list)
    for impact in impacts.select_related("initiative__owner").order_by("initiative__starts_on", "initiative__code"):
        one = impact.initiative
        found[impact.kpi_id].append(
            {"code": one.code, "name": one.name, "owner": one.owner.name, "is_late": one.pk in late_ones}
        )
    return found


def _objectives(kpis: Sequence[Kpi], before: date, at: datetime) -> list[Content]:
    objectives: dict[int, Objective] = {kpi.objective_id: kpi.objective for kpi in kpis}
    rolled = objectives_as_known(objective_ids=list(objectives), before=before, known_at=at)
    found = []
    for pk, objective in objectives.items():
        stands = rolled.get(pk)
        found.append(
            {
                "code": objective.code,
                "name": objective.name,
                "perspective": objective.perspective.name,
                "owner": objective.owner.name,
                "score": _text(stands.score) if stands else "",
                "band": stands.band if stands else "",
                "with_data": stands.with_data if stands else 0,
                "total": stands.total if stands else 0,
            }
        )
    return found


def _restated(
    kpis: Sequence[Kpi], previous: Content | None, at: datetime, by_calendar: Mapping[int, Any]
) -> list[Content]:
    """Values of closed periods that were changed after the last review had them on its table."""
    if previous is None:
        return []
    since = datetime.fromisoformat(previous["known_at"])
    zone = organisation_zone()
    changes = restatements(zone=zone, since=since, until=at)
    found = changes.filter(kpi__in=kpis, was_state="reported", value__isnull=False)
    rows = list(found.select_related("kpi", "recorded_by", "pull__source").order_by("recorded_at", "pk"))
    grades = grades_of_changes(rows, now=at, zone=zone, known_at=at)
    return [
        {
            "code": row.kpi.code,
            "name": row.kpi.name,
            "period": short_label(period_of(row.period_start, row.kpi.frequency, by_calendar[row.kpi.calendar_id])),
            "was": _text(row.was),
            "was_confidence": grades[row.pk][0],
            "now": _text(row.value),
            "now_confidence": grades[row.pk][1],
            "by": who_revised(row),
            "note": row.note,
        }
        for row in rows
    ]


def _decisions(review: Review) -> list[Content]:
    """Decisions that can't wait for the meeting after this one."""
    following = meetings_after(review.forum, review.held_on, 1, working_days())
    rows = Decision.objects.filter(
        Q(state=Decision.State.DUE) | Q(taken_on__gte=review.held_on), forum_id=review.forum_id
    ).select_related("owner", "kpi", "objective", "initiative")
    if following:
        rows = rows.filter(due_on__lt=following[0])
    return [
        _subject(row)
        | {
            "id": row.pk,
            "title": row.title,
            "detail": row.detail,
            "owner": row.owner.name,
            "due_on": row.due_on.isoformat(),
        }
        for row in rows
        if row.review_id in (None, review.pk)
    ]


def _actions(review: Review) -> list[Content]:
    """What earlier reviews asked for and was not done when this one met."""
    rows = Action.objects.filter(
        Q(done_on__isnull=True) | Q(done_on__gte=review.held_on),
        review__forum_id=review.forum_id,
        review__held_on__lt=review.held_on,
    ).select_related("owner", "review", "kpi", "initiative")
    return [
        _subject(row)
        | {
            "id": row.pk,
            "text": row.text,
            "owner": row.owner.name,
            "due_on": row.due_on.isoformat(),
            "asked_on": row.review.held_on.isoformat(),
        }
        for row in rows
    ]


def _subject(row: Decision | Action) -> Content:
    """Return what a decision or an action is about."""
    found: Content = {}
    for name in ("kpi", "objective", "initiative"):
        about = getattr(row, name, None)
        if about is not None:
            found[name] = {"code": about.code, "name": about.name}
    return found
