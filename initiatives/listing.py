"""The list of initiatives: rows by state and slippage, and what can be asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.translation import gettext as _

from initiatives.domain.progress import days_late, next_step, progress
from initiatives.domain.status import APPROVED, DONE, OPEN, PROPOSED, RUNNING, STOPPED
from initiatives.models import ExpectedImpact, Initiative
from initiatives.queries import initiatives_visible_to, milestones_owed_by
from initiatives.words import late_words, on, slip, spent_words, status_heading
from kpiplatform.accounts.models import User
from kpis.models import Kpi
from kpis.queries import kpis_visible_to

LATE = "late"
ORDER = (PROPOSED, RUNNING, APPROVED, DONE, STOPPED)
BAR = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One initiative with every figure ready to print."""

    initiative: Initiative
    kpis: Sequence[Kpi]
    lacks_kpi: bool
    is_mine: bool
    days_late: int
    late: str
    next_name: str
    next_on: str
    ends_on: str
    done: str
    bar: str
    planned: str
    money: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The initiatives of one state on this part of the list, the latest first, and how many the state has in all."""

    heading: str
    count: int
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter: where it leads, what it is called, how many it leaves."""

    url: str
    label: str
    count: int
    current: bool


def rows_of(user: User, *, today: date) -> list[Row]:
    """Return every initiative that `user` may open, with the KPIs among theirs that it should move."""
    kpis = kpis_visible_to(user, today=today).select_related("state")
    impacts = ExpectedImpact.objects.filter(kpi__in=kpis.order_by()).select_related("kpi__state").order_by("pk")
    initiatives: QuerySet[Initiative] = initiatives_visible_to(user, today=today)
    promised = Exists(ExpectedImpact.objects.filter(initiative=OuterRef("pk")))
    found = (
        initiatives.select_related("owner", "unit", "objective")
        .annotate(promises=promised)
        .prefetch_related("milestones", Prefetch("impacts", queryset=impacts, to_attr="shown_impacts"))
    )
    return [_row(initiative, today, user) for initiative in found]


def _row(initiative: Initiative, today: date, user: User) -> Row:
    steps = list(initiative.milestones.all())
    done, step = progress(steps, today), next_step(steps)
    is_open = initiative.status in OPEN
    late = slip(initiative, steps, today)
    return Row(
        initiative=initiative,
        kpis=[impact.kpi for impact in initiative.shown_impacts],  # type: ignore[attr-defined]
        lacks_kpi=not initiative.promises,  # type: ignore[attr-defined]
        is_mine=user.pk in {initiative.owner_id, *(step.owner_id for step in steps)},
        days_late=late,
        late=late_words(late),
        next_name=step.name if step and is_open else "",
        next_on=on(step.due_on, today) if step and is_open else "",
        ends_on=on(initiative.ends_on, today),
        done=_("%(done)d of %(total)d") % {"done": done.done, "total": done.total} if done.total else "",
        bar=f"{done.share_done * BAR:.1f}",
        planned=f"{done.share_planned * BAR:.1f}" if is_open else "",
        money=spent_words(initiative, locale=user.locale),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A milestone that the reader is to reach."""

    name: str
    code: str
    initiative: str
    due: str
    late: str


def owed_by(user: User, *, today: date) -> list[Owed]:
    """Return the open milestones of `user`, the next first."""
    return [
        Owed(
            name=step.name,
            code=step.initiative.code,
            initiative=step.initiative.name,
            due=on(step.due_on, today),
            late=late_words(days_late(step, today)),
        )
        for step in milestones_owed_by(user)
    ]


def chips(rows: Sequence[Row], *, state: str, mine: bool) -> list[Chip]:
    """Return the filters by state, each with the number of rows it leaves."""
    labels = {
        "": _("Open"),
        LATE: _("Late"),
        **{status: status_heading(status) for status in ORDER},
    }
    own = of_person(rows, mine=mine)
    found = [
        Chip(url=_url(key, mine), label=label, count=len(within(own, key)), current=key == state)
        for key, label in labels.items()
    ]
    whose = Chip(
        url=_url(state, not mine),
        label=_("Mine"),
        count=len(within(of_person(rows, mine=True), state)),
        current=mine,
    )
    return [*found, whose]


def more_url(state: str, mine: bool, *, after: str) -> str:
    """Return where the same list goes on, "" at its end."""
    return _url(state, mine, after) if after else ""


def _url(state: str, mine: bool, after: str = "") -> str:
    query = {"state": state, "mine": "1" if mine else "", "after": after}
    return "?" + urlencode({key: word for key, word in query.items() if word})


def of_person(rows: Sequence[Row], *, mine: bool) -> Sequence[Row]:
    """Return all rows, or those that the reader owns or has a milestone in."""
    return [row for row in rows if row.is_mine] if mine else rows


def within(rows: Iterable[Row], state: str) -> list[Row]:
    """Return the rows of a state; "" is every open one, “late” those behind their first plan."""
    if state == LATE:
        return [row for row in rows if row.days_late > 0]
    wanted = (state,) if state in ORDER else OPEN
    return [row for row in rows if row.initiative.status in wanted]


def part_of(rows: Iterable[Row], *, after: str, size: int) -> tuple[list[Group], str]:
    """Return `size` rows below the initiative `after` by state, the most late first, and the code to go on after.

    The code is "" at the end of the list; one that is not in it starts from the top. What slips is known once the
    milestones of all are read, so the list is cut after it is sorted.
    """
    ordered = sorted(rows, key=_place)
    codes = [row.initiative.code for row in ordered]
    begin = codes.index(after) + 1 if after in codes else 0
    counts = Counter(row.initiative.status for row in ordered)
    groups = [
        Group(heading=status_heading(status), count=counts[status], rows=list(of_status))
        for status, of_status in groupby(ordered[begin : begin + size], key=lambda row: row.initiative.status)
    ]
    return groups, codes[begin + size - 1] if begin + size < len(codes) else ""


def _place(row: Row) -> tuple[int, int, date, str]:
    initiative = row.initiative
    return ORDER.index(initiative.status), -row.days_late, initiative.ends_on, initiative.code


def summary(rows: Sequence[Row]) -> str:
    """Say in a sentence how the open initiatives stand."""
    open_rows = within(rows, "")
    if not open_rows:
        return _("No initiative is open.")
    running = sum(row.initiative.status == RUNNING for row in open_rows)
    waiting = sum(row.initiative.status == PROPOSED for row in open_rows)
    late = within(rows, LATE)
    parts = [_("%(running)d running, %(waiting)d waiting for approval.") % {"running": running, "waiting": waiting}]
    if late:
        worst = max(late, key=lambda row: row.days_late)
        words = {"count": len(late), "name": worst.initiative.name, "late": worst.late}
        parts.append(_("%(count)d behind the first plan, most of all %(name)s, %(late)s.") % words)
    else:
        parts.append(_("None is behind its first plan."))
    return " ".join(parts)
