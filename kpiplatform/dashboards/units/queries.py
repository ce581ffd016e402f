"""Reading all that the page of a unit shows, in a number of queries that does not grow with units or KPIs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from initiatives.domain.status import OPEN
from initiatives.models import ExpectedImpact, Initiative, Milestone
from initiatives.queries import initiatives_visible_to
from kpiplatform.accounts.models import User
from kpiplatform.dashboards.as_known import DAY, NOW, AsKnown
from kpiplatform.dashboards.scorecard.queries import BY_UNIT, Answer, Board, Line, as_defined, lines
from kpiplatform.dashboards.scorecard.surroundings import answered_then
from kpis.as_known import standing_before, states_as_known
from kpis.domain.state import State
from kpis.models import Kpi
from kpis.queries import kpis_visible_to, there_at
from objectives.models import RoleAssignment, Unit
from objectives.queries import units_visible_to
from reviews.models import Decision, Review
from reviews.queries import decisions_visible_to

LATE = ("late", "stale", "source_error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What belongs to the unit and may not be opened by the reader: counted, never named."""

    kpis: int
    initiatives: int
    decisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """A unit directly below, and the bands of the reader's KPIs in it and below it."""

    unit: Unit
    bands: Counter[str]
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the page shows to one reader."""

    unit: Unit
    above: list[Unit]
    below: list[Below]
    board: Board
    tiers: dict[str, int]
    tier: str
    initiatives: list[Any]
    decisions: list[Decision]
    hidden: Hidden
    known: AsKnown


def first_unit(user: User, *, today: date) -> Unit | None:
    """Return the highest unit that `user` may open."""
    return units_visible_to(user, today=today).order_by("path").first()


def unit_facts(*, user: User, code: str, tier: str, today: date, known: AsKnown = NOW) -> Facts:
    """Return what the page of the unit shows; Unit.DoesNotExist for those who may not see it.

    `tier` is "" for strategic and operational KPIs together. As known on a past day, what has no history is left out.
    """
    units = units_visible_to(user, today=today)
    unit = units.get(code=code)
    inside = there_at(Kpi.objects.filter(unit__path__startswith=unit.path), known.at)
    visible = kpis_visible_to(user, today=today, known_at=known.at).filter(pk__in=inside.values("pk"))
    tiers = dict(visible.order_by().values_list("tier").annotate(Count("pk")))
    of_tier = visible.filter(tier=tier) if tier in tiers else visible
    kpis = as_defined(lines(of_tier, user, order=BY_UNIT, today=today, known_at=known.at), known.at)
    states = None
    if known.on is not None:
        # Judging asks for nothing that a line lacks.
        states = states_as_known(kpis=cast("list[Kpi]", kpis), before=known.on + DAY, known_at=known.at)
        kpis = [kpi._replace(band=_band_of(states.get(kpi.pk)), health=None) for kpi in kpis]
    initiatives, hidden_initiatives = ([], 0) if known.on else _initiatives(user, unit, today)
    decisions, hidden_decisions = ([], 0) if known.on else _decisions(user, unit, today)
    return Facts(
        unit=unit,
        above=list(units.filter(path__in=_paths_above(unit)).order_by("path")),
        below=_below(unit, kpis, units),
        board=_board(kpis, states, unit, tier or _usual(tiers), today, known),
        tiers=tiers,
        tier=tier if tier in tiers else "",
        initiatives=initiatives,
        decisions=decisions,
        hidden=Hidden(
            kpis=inside.count() - sum(tiers.values()), initiatives=hidden_initiatives, decisions=hidden_decisions
        ),
        known=known,
    )


def _band_of(found: tuple[State, date] | None) -> str:
    return found[0].last.band if found and found[0].last else ""


def _usual(tiers: dict[str, int]) -> str:
    """A unit's page is about running it, unless the reader sees nothing but the strategy there."""
    return "strategic" if set(tiers) == {"strategic"} else "operational"


def _paths_above(unit: Unit) -> list[str]:
    codes = unit.path.strip("/").split("/")
    return [f"/{'/'.join(codes[:count])}/" for count in range(1, len(codes))]


def _below(unit: Unit, kpis: Sequence[Line], units: QuerySet[Unit]) -> list[Below]:
    found = []
    for child in units.filter(parent=unit).order_by("position", "path"):
        own = [kpi for kpi in kpis if kpi.unit_path.startswith(child.path)]
        found.append(
            Below(
                unit=child,
                bands=Counter(kpi.band or "" for kpi in own),
                late=sum(kpi.health in LATE for kpi in own),
            )
        )
    return found


def _board(
    kpis: list[Line],
    states: dict[int, tuple[State, date]] | None,
    unit: Unit,
    tier: str,
    today: date,
    known: AsKnown,
) -> Board:
    """Return what the scorecard's row machinery takes, compared with the last review that looked at this unit."""
    ids = [kpi.pk for kpi in kpis]
    review = _last_review(unit, tier, known.on or today)
    compared: dict[str, Any] = {"before": review.held_on, "known_at": known.at} if review else {}
    return Board(
        kpis=kpis,
        tiers={},
        states=states,
        objective_states={},
        review=review,
        then=standing_before(kpis=cast("list[Kpi]", kpis), **compared) if review else {},
        initiatives=answered_then(ids, known) if known.on else _answers(ids, today),
        restated=[],
        decisions=[],
        failing=[],
    )


def _last_review(unit: Unit, tier: str, today: date) -> Any:
    """Return the last review of a forum of this unit, or else of the nearest unit above that held one."""
    held = Review.objects.filter(
        forum__unit__path__in=[unit.path, *_paths_above(unit)],
        forum__tier=tier,
        state=Review.State.CLOSED,
        held_on__lt=today,
    ).select_related("forum__unit")
    return max(held, key=lambda review: (len(review.forum.unit.path), review.held_on), default=None)


def _answers(kpi_ids: Sequence[int], today: date) -> dict[int, Answer]:
    late = Milestone.objects.filter(initiative=OuterRef("initiative"), done_on__isnull=True, due_on__lt=today)
    rows = (
        ExpectedImpact.objects.filter(kpi_id__in=kpi_ids, initiative__status__in=OPEN)
        .annotate(is_late=Exists(late))
        .values_list("kpi_id", "is_late")
    )
    count, behind = Counter[int](), Counter[int]()
    for kpi_id, is_late in rows:
        count[kpi_id] += 1
        behind[kpi_id] += is_late
    return {kpi_id: Answer(count=count[kpi_id], late=behind[kpi_id]) for kpi_id in count}


def _initiatives(user: User, unit: Unit, today: date) -> tuple[list[Any], int]:
    """Return the open initiatives that concern the unit and below; how many of them are not opened.

    They are its own, those that are to move a KPI there, and those with an open milestone of somebody there.
    """
    moves = ExpectedImpact.objects.filter(initiative=OuterRef("pk"), kpi__unit__path__startswith=unit.path)
    people = RoleAssignment.objects.filter(unit__path__startswith=unit.path).values("user")
    awaited = Milestone.objects.filter(initiative=OuterRef("pk"), done_on__isnull=True, owner__in=people)
    opened = initiatives_visible_to(user, today=today).filter(pk=OuterRef("pk"))
    steps = Milestone.objects.filter(done_on__isnull=True).select_related("owner").order_by("due_on")
    found = list(
        Initiative.objects.filter(
            Q(unit__path__startswith=unit.path) | Exists(moves) | Exists(awaited), status__in=OPEN
        )
        .annotate(opens=Exists(opened))
        .select_related("owner")
        .prefetch_related(Prefetch("milestones", steps, to_attr="open_steps"))
    )
    return [row for row in found if row.opens], sum(not row.opens for row in found)


def _decisions(user: User, unit: Unit, today: date) -> tuple[list[Decision], int]:
    """Return the decisions that wait in the unit's forums or about what is the unit's; how many are not opened."""
    about = Q(forum__unit__path__startswith=unit.path)
    for subject in ("kpi", "objective", "initiative"):
        about |= Q(**{f"{subject}__unit__path__startswith": unit.path})
    opened = Exists(decisions_visible_to(user, today=today).filter(pk=OuterRef("pk")))
    due = Decision.objects.filter(about, state=Decision.State.DUE).annotate(opens=opened)
    found: list[Any] = list(due.select_related("owner", "forum", "kpi").order_by("due_on", "id"))
    return [row for row in found if row.opens], sum(not row.opens for row in found)
