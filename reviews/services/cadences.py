"""Choosing the forum that reviews a KPI."""

from __future__ import annotations

from django.db import transaction

from kpiplatform.audit.editing import ChangedMeanwhile
from kpis.models import Kpi
from reviews.models import Forum, KpiCadence


def seen_choice(kpi: Kpi) -> str:
    """Return a token of the forum that is chosen now."""
    chosen = KpiCadence.objects.filter(kpi=kpi).values_list("forum_id", flat=True).first()
    return str(chosen or "none")


@transaction.atomic
def choose_forum(*, kpi: Kpi, forum: Forum | None, seen: str | None = None) -> None:
    """Let `forum` review the KPI; None leaves it to the forums that cover it. The same choice twice changes nothing.

    Raises ChangedMeanwhile if the choice differs from what was `seen`; nothing is written then.
    """
    # There may be no row of the choice yet, so that the KPI is what two people queue up for.
    Kpi.objects.select_for_update(of=("self",)).get(pk=kpi.pk)
    if seen is not None and seen != seen_choice(kpi):
        raise ChangedMeanwhile(KpiCadence(kpi=kpi))
    if forum is None:
        KpiCadence.objects.filter(kpi=kpi).delete()
    else:
        KpiCadence.objects.update_or_create(kpi=kpi, defaults={"forum": forum})


@transaction.atomic
def release_kpi(*, kpi: Kpi, forum: Forum) -> bool:
    """Take the KPI from `forum`; return False if it was not chosen for this one any more."""
    deleted, _by_model = KpiCadence.objects.filter(kpi=kpi, forum=forum).delete()
    return bool(deleted)
