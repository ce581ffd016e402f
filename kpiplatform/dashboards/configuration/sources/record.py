"""How well a source kept what was agreed about its freshness: the last thirty days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.dates import day, moment
from kpis.domain.freshness import Kept, by_day, record, slots_between
from kpis.models import DataSource, Pull
from kpis.services.freshness import is_scheduled

DAYS = 30
STEP = 8  # how far apart the marks of two slots stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One slot of the record as it is drawn: `kind` is met, missed or open."""

    kind: str
    x: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How often the values were there by the time agreed."""

    says: str
    marks: Sequence[Mark]

    @property
    def width(self) -> int:
        return max(STEP * len(self.marks), 1)


def records_of(sources: Sequence[DataSource], *, now: datetime, zone: ZoneInfo) -> dict[int, Record]:
    """Return the record of each source that has an agreement, since it was made, in one query."""
    agreed = {source.pk: minutes for source in sources if (minutes := fresh_within(source)) is not None}
    since = now - timedelta(days=DAYS)
    applied: dict[int, list[datetime]] = defaultdict(list)
    recent = Pull.objects.filter(source__in=agreed, state=Pull.State.APPLIED, finished_at__gte=since)
    for source_id, at in recent.order_by().values_list("source", "finished_at"):
        applied[source_id].append(at)
    found = {}
    for source in sources:
        if source.pk in agreed and source.is_enabled and is_scheduled(source):
            begun = max(since, source.agreement.fresh_since or since)
            slots = slots_between(source.schedule, since=begun, until=now, zone=zone)
            kept = record(slots, applied[source.pk], within=timedelta(minutes=agreed[source.pk]), now=now)
            found[source.pk] = _shown(kept, zone)
    return found


def fresh_within(source: Any) -> int | None:
    """Return how many minutes after its slot a source is to be fresh; None where nothing was agreed."""
    agreement = getattr(source, "agreement", None)
    return agreement.fresh_within_minutes if agreement is not None else None


def within_words(minutes: int) -> str:
    """Say a span of time, like “2 hours” or “90 minutes”."""
    if minutes % 60:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    return ngettext("%(n)d hour", "%(n)d hours", minutes // 60) % {"n": minutes // 60}


def _shown(kept: Sequence[Kept], zone: ZoneInfo) -> Record:
    closed = [one for one in kept if one.is_met is not None]
    met = sum(bool(one.is_met) for one in closed)
    says = _("%(met)d of %(all)d in time") % {"met": met, "all": len(closed)} if closed else _("no record yet")
    return Record(
        says=says,
        marks=[_mark(one, place * STEP, zone) for place, (_day, one) in enumerate(by_day(kept, zone))],
    )


def _mark(kept: Kept, x: int, zone: ZoneInfo) -> Mark:
    words = {"day": day(kept.slot.astimezone(zone)), "at": moment(kept.at, zone) if kept.at else ""}
    if kept.is_met is None:
        return Mark(kind="open", x=x, says=_("%(day)s: still in time") % words)
    if kept.is_met:
        return Mark(kind="met", x=x, says=_("%(day)s: in time") % words)
    if kept.at is None:
        return Mark(kind="missed", x=x, says=_("%(day)s: did not come") % words)
    return Mark(kind="missed", x=x, says=_("%(day)s: late, on %(at)s") % words)
