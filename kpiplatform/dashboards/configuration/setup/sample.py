"""How far the loading of the sample organisation is, read from what there is of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from kpis.models import Kpi, PeriodLock, Pull
from objectives.models import Organisation

SAMPLE_ASKED = "sample_asked_at"
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is being done, how much of it is done (0 to 100), and whether it has ended."""

    says: str
    percent: int
    done: bool
    stuck: bool


def sample_progress(asked: str, *, now: datetime) -> Progress:
    """Return how far the sample is that was asked for at `asked`."""
    if PeriodLock.objects.exists():
        return Progress(says=_("The sample organisation is loaded."), percent=100, done=True, stuck=False)
    stuck = now - datetime.fromisoformat(asked) > PATIENCE
    if not Organisation.objects.exists() or not Kpi.objects.exists():
        says = _("Objectives, KPIs, people and files are being made.")
        return Progress(says=says, percent=10, done=False, stuck=stuck)
    pulls = Pull.objects.count()
    ended = Pull.objects.exclude(state__in=[Pull.State.WAITING, Pull.State.RUNNING]).count()
    percent = 20 + 75 * ended // max(pulls, 1)
    return Progress(says=_("Values are being pulled and judged."), percent=percent, done=False, stuck=stuck)
