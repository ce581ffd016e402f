"""Reading forums and their reviews, each person within their own view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from kpiplatform.accounts.models import User
from kpis.domain.periods import WorkingDays
from kpis.models import Holiday, Kpi, PeriodCalendar
from objectives.models import Role
from objectives.queries import may_configure, may_write, organisation, scope_of
from reviews.domain.cadence import Cadence, next_dates
from reviews.models import Action, Decision, Forum, KpiCadence, Review

DAY = timedelta(days=1)
READING_ROLES = {Role.MANAGER, Role.AUDITOR}


def forums_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Forum]:
    """Return the forums that `user` may open, and with them all that was on their table.

    Admins open all; participants and chairs their own; executives the strategic ones; managers and auditors those of
    their units and below. For anyone else a forum does not exist.
    """
    scope = scope_of(user, today=today)
    if scope.everything:
        return Forum.objects.all()
    if not isinstance(user, User) or not user.is_active:
        return Forum.objects.none()
    taking_part = Forum.participants.through.objects.filter(user=user).values("forum_id")
    condition = Q(chair=user) | Q(pk__in=taking_part)
    if scope.strategic:
        condition |= Q(tier="strategic")
    for role, path, until in user.roles_read:
        if role in READING_ROLES and (until is None or until >= today):
            condition |= Q(unit__path__startswith=path)
    return Forum.objects.filter(condition)


def reviews_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Review]:
    """Return the reviews of the forums that `user` may open."""
    return Review.objects.filter(forum__in=forums_visible_to(user, today=today))


def decisions_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Decision]:
    """Return the decisions of the forums that `user` may open, and those that `user` is to bring."""
    forums = forums_visible_to(user, today=today)
    own = Q(owner_id=user.pk) if user.is_active and user.pk else Q(pk__in=[])
    return Decision.objects.filter(Q(forum__in=forums) | own)


def actions_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[Action]:
    """Return the actions that came of reviews `user` may open, and `user`'s own."""
    forums = forums_visible_to(user, today=today)
    own = Q(owner_id=user.pk) if user.is_active and user.pk else Q(pk__in=[])
    return Action.objects.filter(Q(review__forum__in=forums) | own)


def forums_of(user: User, *, today: date) -> QuerySet[Forum]:
    """Return the active forums that `user` takes part in or chairs: those of the own calendar."""
    taking_part = Forum.participants.through.objects.filter(user=user).values("forum_id")
    return forums_visible_to(user, today=today).filter(Q(chair=user) | Q(pk__in=taking_part), is_active=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewing:
    """Where a KPI is reviewed: the forum that was chosen, and the active ones whose unit and tier cover it."""

    chosen: Forum | None
    covering: tuple[Forum, ...]
    working: WorkingDays

    @property
    def is_chosen(self) -> bool:
        """Whether the choice holds: a forum that is given up reviews nothing."""
        return self.chosen is not None and self.chosen.is_active

    @property
    def where(self) -> tuple[Forum, ...]:
        """The forum chosen, else those that cover the KPI, the nearest unit first."""
        return (self.chosen,) if self.chosen is not None and self.is_chosen else self.covering

    @property
    def besides(self) -> tuple[Forum, ...]:
        """The other forums on whose table it is as well: they cover it with another scope than the chosen one."""
        its = self.chosen
        if its is None or not self.is_chosen:
            return ()
        return tuple(forum for forum in self.covering if (forum.unit_id, forum.tier) != (its.unit_id, its.tier))


# Written as SQL because every page of a KPI asks it: through the ORM, writing it costs several times its answer.
REVIEWING = """
SELECT f.*, c.kpi_id IS NOT NULL AS is_chosen,
    f.is_active AND f.tier = k.tier AND starts_with(ku.path, fu.path) AS is_covering, y.working_weekdays AS weekdays,
    ARRAY(SELECT day FROM kpis_holiday WHERE calendar_id = y.id) AS holidays
FROM kpis_kpi k JOIN objectives_unit ku ON ku.id = k.unit_id
CROSS JOIN reviews_forum f JOIN objectives_unit fu ON fu.id = f.unit_id
LEFT JOIN reviews_kpicadence c ON c.kpi_id = k.id AND c.forum_id = f.id
LEFT JOIN kpis_periodcalendar y ON y.id = (SELECT id FROM kpis_periodcalendar ORDER BY is_default DESC, id LIMIT 1)
WHERE k.id = %(kpi)s
    AND (c.kpi_id IS NOT NULL OR (f.is_active AND f.tier = k.tier AND starts_with(ku.path, fu.path)))
ORDER BY fu.path DESC, f.name
"""


def reviewing_of(kpi: Kpi) -> Reviewing:
    """Return where a KPI is reviewed, in one query."""
    found: list[Any] = list(Forum.objects.raw(REVIEWING, {"kpi": kpi.pk}))
    working = WorkingDays()
    if found and found[0].weekdays:
        working = WorkingDays(weekdays=frozenset(found[0].weekdays), holidays=frozenset(found[0].holidays))
    return Reviewing(
        chosen=next((forum for forum in found if forum.is_chosen), None),
        covering=tuple(forum for forum in found if forum.is_covering),
        working=working,
    )


def kpis_reviewed_in(forum: Forum) -> QuerySet[Kpi]:
    """Return the active KPIs on the forum's table, each with `is_chosen`: those chosen for it, and those it covers.

    A KPI chosen for another active forum of the same unit and tier is left to that one.
    """
    choices = KpiCadence.objects.filter(kpi=OuterRef("pk"))
    rivals = choices.filter(forum__unit=forum.unit_id, forum__tier=forum.tier, forum__is_active=True)
    covered = Q(tier=forum.tier, unit__path__startswith=forum.unit.path) & ~Exists(rivals)
    kpis = Kpi.objects.filter(status=Kpi.Status.ACTIVE).annotate(is_chosen=Exists(choices.filter(forum=forum)))
    return kpis.filter(Q(is_chosen=True) | covered)


def may_run(user: User, forum: Forum, *, today: date) -> bool:
    """Return whether `user` plans, opens and closes the forum's reviews: its chair, or an admin."""
    return may_configure(user, today=today) or (forum.chair_id == user.pk and may_write(user, today=today))


def may_contribute(user: User, forum: Forum, *, today: date) -> bool:
    """Return whether `user` writes in the forum's reviews: its chair, its participants, admins; never an auditor."""
    if may_run(user, forum, today=today):
        return True
    return may_write(user, today=today) and forum.participants.filter(pk=user.pk).exists()


def may_settle(user: User, owner_id: int, forum: Forum, *, today: date) -> bool:
    """Return whether `user` changes a decision or an action: its owner, the chair, an admin."""
    return may_run(user, forum, today=today) or (owner_id == user.pk and may_write(user, today=today))


def cadence_of(forum: Forum) -> Cadence:
    """Return the forum's rule as the domain functions take it."""
    return Cadence(
        rule=cast(Literal["daily", "weekly", "monthly", "quarterly"], forum.rule),
        interval=forum.interval,
        weekday=forum.weekday,
        day_of_month=forum.day_of_month,
        nth_week=forum.nth_week,
        month_of_quarter=forum.month_of_quarter,
        working_days_only=forum.working_days_only,
        anchor=forum.anchor,
    )


def working_days() -> WorkingDays:
    """Return the working days of the organisation's standard calendar; Monday to Friday before there is one."""
    calendar = PeriodCalendar.objects.order_by("-is_default", "pk").first()
    if calendar is None or not calendar.working_weekdays:
        return WorkingDays()
    holidays = Holiday.objects.filter(calendar=calendar).values_list("day", flat=True)
    return WorkingDays(weekdays=frozenset(calendar.working_weekdays), holidays=frozenset(holidays))


def meetings_after(forum: Forum, after: date, count: int, working: WorkingDays) -> list[date]:
    """Return the next meeting days of an active forum; one that is given up does not meet again."""
    return next_dates(cadence_of(forum), after, count, working) if forum.is_active else []


def begins_at(forum: Forum, day: date, zone: ZoneInfo) -> datetime:
    """Return when a meeting of that day begins; forums meet by the organisation's clock."""
    return datetime.combine(day, forum.starts_at, tzinfo=zone)


def organisation_zone() -> ZoneInfo:
    """Return the time zone of the organisation."""
    return ZoneInfo(organisation().time_zone)


def previous_pack(review: Review) -> dict | None:
    """Return what was on the table at the forum's last held review before this one, None if nothing was frozen."""
    earlier = Review.objects.filter(forum_id=review.forum_id, held_on__lt=review.held_on, pack__isnull=False)
    found = earlier.order_by("-held_on").select_related("pack").first()
    return found.pack.content if found else None


def open_actions(forum: Forum) -> QuerySet[Action]:
    """Return what the forum's reviews have asked for and nobody has done yet, the oldest date first."""
    return (
        Action.objects.filter(review__forum=forum, done_on__isnull=True)
        .select_related("owner", "review__forum", "kpi", "initiative")
        .order_by("due_on", "pk")
    )


def people_of(forum: Forum) -> list[User]:
    """Return chair and participants, the chair first, nobody twice."""
    others = [person for person in forum.participants.order_by("name") if person.pk != forum.chair_id]
    return [forum.chair, *others]


def owed_by(user: User) -> tuple[Iterable[Action], Iterable[Decision]]:
    """Return the open actions and the due decisions that are `user`'s own, the earliest first."""
    actions = Action.objects.filter(owner=user, done_on__isnull=True).select_related("review__forum", "kpi", "owner")
    decisions = Decision.objects.filter(owner=user, state=Decision.State.DUE).select_related("forum", "kpi", "owner")
    return list(actions.order_by("due_on", "pk")), list(decisions.order_by("due_on", "pk"))
