"""What is locked stands with its judgement: no target, limit, weight or definition reaches behind a lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.dates import day, short_label
from kpis.domain.periods import period_of
from kpis.locks import closed_of, closed_of_all, closed_to, judged_behind, locks
from kpis.models import Kpi, Measurement
from kpis.queries import calendar_of
from kpis.services.judging import rejudge
from kpis.services.locking import ensure_states
from kpis.services.refusal import Refused
from objectives.models import Objective, Unit
from objectives.services.refusal import Refused as OrganisationRefused

DAY = timedelta(days=1)


def rejudge_what_is_open(*, kpi: Kpi, since: date, now: datetime) -> None:
    """Judge the KPI again from a day on because what judges it changed.

    Raises Refused where that would judge a locked period otherwise; the caller's transaction has to end then.
    """
    if not Measurement.objects.filter(kpi=kpi).exists():
        return
    until = closed_of(kpi)
    with transaction.atomic():
        before = judged_behind(kpi, until, now=now)
        ensure_states(kpi_ids=[kpi.pk])
        rejudge(kpi_ids=[kpi.pk], since=since, now=now)
        after = judged_behind(kpi, until, now=now)
        moved = sorted(start for start, said in after.items() if before.get(start) != said)
        if moved:
            raise Refused(judged_otherwise(kpi, moved))


def refuse_to_compute_anew(kpi: Kpi, since: date, *, now: datetime) -> None:
    """Raise Refused where values of locked periods would have been computed by another formula from a day on."""
    until = closed_of(kpi)
    values = Measurement.objects.filter(kpi=kpi, period_start__gte=since)
    closed = judged_behind(kpi, until, now=now)
    moved = sorted(start for start in values.values_list("period_start", flat=True) if start in closed)
    if moved:
        raise Refused(judged_otherwise(kpi, moved))


def refuse_to_weigh_behind(kpi: Kpi, since: date) -> None:
    """Raise Refused for a weight from a day on up to which the periods of the KPI are locked."""
    until = closed_of(kpi)
    if until is not None and since < until:
        raise Refused(weighs_behind(until))


def weighs_behind(until: date) -> str:
    """Say that what counts for an objective stands up to a day."""
    words = {"last": day(until - DAY), "day": day(until)}
    told = _("What is up to %(last)s is locked, and so is the score that was made of it.") % words
    return f"{told} {_('Nothing was changed: choose %(day)s or a later day.') % words}"


def refuse_to_count_behind(objective: Objective, since: date) -> None:
    """Raise the refusal of the strategy for a weight or score from a day on up to which KPIs below are locked."""
    below: dict[int | None, list[int]] = defaultdict(list)
    for pk, parent_id in Objective.objects.values_list("pk", "parent_id"):
        below[parent_id].append(pk)
    inside = [objective.pk]
    for pk in inside:
        inside += below[pk]
    until = closed_of_all(Kpi.objects.filter(objective__in=inside, status=Kpi.Status.ACTIVE))
    if until is not None and since < until:
        raise OrganisationRefused(weighs_behind(until))


def refuse_to_move_from_under_locks(unit: Unit, before: str) -> None:
    """Raise the refusal of the organisation where a unit, moved from a path, left locks that closed periods of KPIs."""
    known = locks()
    # Locks of units inside moved with them; at their old place they are as those of the new one.
    there = [
        lock._replace(unit_path=before + lock.unit_path.removeprefix(unit.path))
        if lock.unit_path is not None and lock.unit_path.startswith(unit.path)
        else lock
        for lock in known
    ]
    kpis = Kpi.objects.filter(unit__path__startswith=unit.path).exclude(status=Kpi.Status.RETIRED)
    opened, count = None, 0
    rows = kpis.order_by("pk").values_list("calendar_id", "unit__path", "created_at") if known else ()
    for calendar_id, path, made_at in rows:
        old_path = before + path.removeprefix(unit.path)
        was = closed_to(there, calendar_id=calendar_id, path=old_path, made_at=made_at)
        now = closed_to(known, calendar_id=calendar_id, path=path, made_at=made_at)
        if was is not None and (now is None or now < was):
            opened, count = max(was, opened or was), count + 1
    if opened is None:
        return
    words = {"day": day(opened - DAY), "unit": unit.name, "count": count}
    told = ngettext(
        "Periods of %(count)d KPI of %(unit)s are locked up to %(day)s, and would be open at its new place.",
        "Periods of %(count)d KPIs of %(unit)s are locked up to %(day)s, and would be open at its new place.",
        count,
    )
    what_now = _("Nothing was changed: lock %(unit)s itself up to %(day)s first, then move it.")
    raise OrganisationRefused(f"{told % words} {what_now % words}")


def judged_otherwise(kpi: Kpi, moved: Sequence[date]) -> str:
    """Say that locked periods, by their first days in order, would be judged otherwise, and what to do."""
    last = period_of(moved[-1], kpi.frequency, calendar_of(kpi.calendar))
    words = {"count": len(moved), "period": short_label(last), "day": day(last.end)}
    told = ngettext(
        "%(period)s is locked and would be judged otherwise.",
        "%(count)d locked periods would be judged otherwise, the last of them is %(period)s.",
        len(moved),
    )
    what_now = ngettext(
        "Nothing was changed: choose %(day)s or a later day, or have this period reopened first.",
        "Nothing was changed: choose %(day)s or a later day, or have these periods reopened first.",
        len(moved),
    )
    return f"{told % words} {what_now % words}"
