"""Values that wait for their explanation: kept for whoever typed them, counted nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from django.db.models import Q

from kpiplatform.accounts.models import User
from kpis.models import KeptValue
from kpis.services.asking import Entry, Key, reading_of

TOLD = ("cause", "action", "recovery_on")


def keep(*, entry: Entry, told: Mapping[str, str], user: User, today: date, now: datetime) -> None:
    """Keep a value that is not stored without its explanation, and what was told of that, in place of an earlier one.

    Raises EntryRefused for what could be no value at all.
    """
    reading = reading_of(entry, today)
    KeptValue.objects.update_or_create(
        kpi=entry.kpi,
        period_start=reading.period_start,
        entered_by=user,
        defaults={
            "value": reading.value,
            "numerator": reading.numerator,
            "denominator": reading.denominator,
            "seen_seq": entry.expected_seq,
            "note": entry.note,
            "is_sure": entry.sure,
            "told": {name: told[name] for name in TOLD if told.get(name)},
            "entered_at": now,
        },
    )


def drop_kept(*, keys: Iterable[Key], user: User) -> None:
    """Let go of what `user` had typed for these KPIs and periods: it was stored, or is not wanted any more."""
    wanted = Q(pk__in=[])
    for kpi_id, start in keys:
        wanted |= Q(kpi_id=kpi_id, period_start=start)
    KeptValue.objects.filter(wanted, entered_by=user).delete()
