"""What the people of the sample do: initiatives, forums and their reviews, remarks on values."""

from datetime import date, timedelta
from typing import Any

from alerts.models import Subscription
from alerts.services.announcing import subscribe_owners
from initiatives.models import ExpectedImpact, Initiative, Milestone, Risk
from kpiplatform.demo.scene import Scene
from kpiplatform.demo.sheets import Sheet, read
from kpis.domain.periods import Period, period_of
from kpis.models import Annotation, Commentary, Kpi
from kpis.queries import calendar_of
from reviews.models import Action, Decision, Forum, KpiCadence, Review

DAY = timedelta(days=1)
SAID_TO_ALL = ""


def add_initiatives(scene: Scene) -> None:
    """Create the initiatives with their milestones, risks and promised effects."""
    for row in read("initiatives")["initiative"]:
        scene.initiatives[row["code"]] = _add_initiative(scene, row)


def add_forums(scene: Scene) -> None:
    """Create the forums, the reviews they held, and the decisions that wait for the next ones."""
    described, moments = read("reviews"), scene.moments
    forums = {row["code"]: _add_forum(scene, row) for row in described["forum"]}
    for row in described["review"]:
        _add_review(scene, forums[row["forum"]], row)
    Decision.objects.bulk_create(
        Decision(
            forum=forums[row["forum"]],
            title=row["title"],
            detail=moments.text(row["detail"]),
            owner=scene.people[row["owner"]],
            due_on=moments.day(row["due_on"]),
            **_subject(scene, row),
        )
        for row in described["decision"]
    )


def add_remarks(scene: Scene) -> None:
    """Create annotations and commentary; those on days that are still to come are left out."""
    described = read("remarks")
    Annotation.objects.bulk_create(
        _annotation(scene, row, scene.kpis[code])
        for row in described["annotation"]
        if scene.moments.day(row["to"]) < scene.moments.today
        for code in row["kpis"]
    )
    said: dict[str, Commentary | None] = {SAID_TO_ALL: None}
    for row in sorted(described["commentary"], key=lambda row: scene.moments.moment(row["at"])):
        if scene.moments.moment(row["at"]) > scene.moments.now or row.get("answers", SAID_TO_ALL) not in said:
            continue
        comment = _add_commentary(scene, row, said[row.get("answers", SAID_TO_ALL)])
        if "id" in row:
            said[row["id"]] = comment


def add_subscriptions(scene: Scene) -> None:
    """Subscribe owners to their KPIs, and the people that the files name to objectives and units."""
    subscribe_owners(kpi_ids=[kpi.pk for kpi in scene.kpis.values()])
    Subscription.objects.bulk_create(
        Subscription(
            user=scene.people[row["person"]],
            objective=scene.objectives[row["objective"]] if "objective" in row else None,
            unit=scene.units[row["unit"]] if "unit" in row else None,
            worst_only=row.get("worst_only", False),
            when=row.get("when", Subscription.When.NOW),
        )
        for row in read("people")["subscription"]
    )


def _add_initiative(scene: Scene, row: Sheet) -> Initiative:
    moments, people = scene.moments, scene.people
    created_at = moments.moment(row["created_at"])
    initiative = Initiative.objects.create(
        code=row["code"],
        name=row["name"],
        purpose=row["purpose"],
        objective=scene.objectives[row["objective"]],
        unit=scene.units[row["unit"]],
        owner=people[row["owner"]],
        status=row["status"],
        starts_on=moments.day(row["starts_on"]),
        ends_on=moments.day(row["ends_on"]),
        budget=row["budget"],
        spent=row.get("spent", 0),
        created_at=created_at,
    )
    Milestone.objects.bulk_create(
        Milestone(
            initiative=initiative,
            name=step["name"],
            owner=people[step["owner"]],
            planned_on=moments.day(step["planned_on"]),
            due_on=moments.day(step.get("due_on", step["planned_on"])),
            done_on=moments.day(step["done_on"]) if "done_on" in step else None,
            position=position,
        )
        for position, step in enumerate(row["milestones"], start=1)
    )
    ExpectedImpact.objects.bulk_create(
        ExpectedImpact(
            initiative=initiative,
            kpi=scene.kpis[impact["kpi"]],
            change=impact["change"],
            starts_on=moments.day(impact["starts_on"]),
            full_effect_on=moments.day(impact["full_effect_on"]),
            confidence=impact["confidence"],
            rationale=moments.text(impact["rationale"]),
            registered_at=created_at,
        )
        for impact in row["impacts"]
    )
    Risk.objects.bulk_create(Risk(initiative=initiative, **risk) for risk in row.get("risks", []))
    return initiative


def _add_forum(scene: Scene, row: Sheet) -> Forum:
    participants = [scene.people[name] for name in row["participants"]]
    forum = Forum.objects.create(
        **{name: value for name, value in row.items() if name not in {"participants", "kpis"}}
        | {
            "unit": scene.units[row["unit"]],
            "chair": scene.people[row["chair"]],
            "anchor": scene.moments.day(row["anchor"]),
        }
    )
    forum.participants.set(participants)
    KpiCadence.objects.bulk_create(KpiCadence(kpi=scene.kpis[code], forum=forum) for code in row.get("kpis", []))
    return forum


def _add_review(scene: Scene, forum: Forum, row: Sheet) -> None:
    moments, people = scene.moments, scene.people
    held_on = moments.day(row["held_on"])
    review = Review.objects.create(
        forum=forum,
        held_on=held_on,
        state=Review.State.CLOSED,
        opened_at=moments.moment(row["opened_at"]),
        closed_at=moments.moment(row["closed_at"]),
        minutes=row["minutes"],
    )
    Decision.objects.bulk_create(
        Decision(
            forum=forum,
            review=review,
            title=decision["title"],
            detail=moments.text(decision["detail"]),
            owner=people[decision["owner"]],
            state=Decision.State.TAKEN,
            due_on=held_on,
            taken_on=held_on,
            outcome=decision["outcome"],
            **_subject(scene, decision),
        )
        for decision in row["decisions"]
    )
    Action.objects.bulk_create(
        Action(
            review=review,
            text=action["text"],
            owner=people[action["owner"]],
            due_on=moments.day(action["due_on"]),
            done_on=moments.day(action["done_on"]) if "done_on" in action else None,
            **_subject(scene, action),
        )
        for action in row["actions"]
    )


def _subject(scene: Scene, row: Sheet) -> dict[str, Any]:
    """Return what a decision or an action is about, by the names of its model's fields."""
    found: dict[str, dict[str, Any]] = {
        "kpi": scene.kpis,
        "objective": scene.objectives,
        "initiative": scene.initiatives,
    }
    return {name: rows[row[name]] for name, rows in found.items() if name in row}


def _annotation(scene: Scene, row: Sheet, kpi: Kpi) -> Annotation:
    last_day = scene.moments.day(row["to"])
    return Annotation(
        kpi=kpi,
        period_start=_period(kpi, scene.moments.day(row["from"])).start,
        period_end=_period(kpi, last_day).end,
        text=scene.moments.text(row["text"]),
        author=scene.people[row["author"]],
        created_at=scene.moments.moment((row["to"] + DAY) if isinstance(row["to"], date) else row["to"]),
    )


def _add_commentary(scene: Scene, row: Sheet, parent: Commentary | None) -> Commentary:
    moments, kpi = scene.moments, scene.kpis[row["kpi"]]
    return Commentary.objects.create(
        kpi=kpi,
        kind=row.get("kind", Commentary.Kind.COMMENT),
        parent=parent,
        period_start=_period(kpi, moments.day(row["period"])).start if "period" in row else None,
        body=moments.text(row.get("body", "")),
        cause=moments.text(row.get("cause", "")),
        action=moments.text(row.get("action", "")),
        recovery_on=moments.day(row["recovery_on"]) if "recovery_on" in row else None,
        author=scene.people[row["author"]],
        created_at=moments.moment(row["at"]),
    )


def _period(kpi: Kpi, day: date) -> Period:
    return period_of(day, kpi.frequency, calendar_of(kpi.calendar))
