"""The steps of the first run. What is done is read from what there is: a step can be left and taken up again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpis.models import Kpi, PeriodCalendar
from objectives.models import Objective, Organisation, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what it is called, what it is for, whether it is done, whether it can be opened yet."""

    slug: str
    number: int
    title: str
    why: str
    done: bool
    open: bool


def steps() -> list[Step]:
    """Return the steps in their order; each opens when those that it builds on are done."""
    organisation = Organisation.objects.exists()
    calendar = PeriodCalendar.objects.filter(is_default=True).exists()
    units = Unit.objects.exists()
    objective = Objective.objects.filter(status=Objective.Status.ACTIVE).exists()
    kpi = Kpi.objects.exclude(status=Kpi.Status.RETIRED).exists()
    people = User.objects.filter(is_active=True).count() > 1
    rows = [
        ("organisation", _("Organisation"), _("Its name, and where its days begin."), organisation, True),
        ("calendar", _("Calendar"), _("When weeks and fiscal years begin, which days are worked."), calendar, True),
        ("units", _("Units"), _("The departments, sites or teams that KPIs belong to."), units, organisation),
        (
            "objective",
            _("First objective"),
            _("What the organisation wants; KPIs follow from it."),
            objective,
            organisation and units,
        ),
        (
            "kpi",
            _("First KPI"),
            _("How you will see that the objective comes closer, in seven steps."),
            kpi,
            calendar and objective,
        ),
        ("people", _("Invitations"), _("Who else is to follow the numbers."), people, units),
    ]
    return [
        Step(slug=slug, number=number, title=title, why=why, done=done, open=opens)
        for number, (slug, title, why, done, opens) in enumerate(rows, start=1)
    ]


def next_step(rows: list[Step]) -> Step | None:
    """Return the first step that is not done and can be opened."""
    return next((step for step in rows if not step.done and step.open), None)


def is_empty() -> bool:
    """Return whether nothing was set up yet: only then the sample can be loaded."""
    return not (Organisation.objects.exists() or Unit.objects.exists() or PeriodCalendar.objects.exists())


def sample_is_refused() -> str:
    """Return why the sample organisation can't be loaded here, or nothing."""
    if not is_empty():
        return _("The sample is only loaded into an empty installation.")
    folder = Path(settings.KPI_SOURCES_DIR)
    nearest = next(one for one in (folder, *folder.parents) if one.exists())
    if not os.access(nearest, os.W_OK):
        return _("The sample puts files into %(folder)s, which can't be written to here.") % {"folder": folder}
    return ""
