"""The first page of configuration: what there is, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from kpiplatform.accounts.models import Invitation, User
from kpiplatform.dashboards.configuration.entry import admins_only, today
from kpiplatform.htmx import page
from kpis.models import DataSource, Kpi, PeriodCalendar, PeriodReopening, Pull, ThresholdSet
from kpis.queries import targets_that_hold
from objectives.models import Objective, Organisation, RoleAssignment, Unit
from reviews.models import Forum

TEMPLATE = "configuration/index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A list that can be configured: what is in it, in words."""

    label: str
    says: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that is missing or wrong, and where it is put right."""

    says: str
    url: str
    action: str
    grave: bool = False


@require_safe
@admins_only
def configuration(request: HttpRequest) -> HttpResponse:
    """Show what there is and what is missing; an installation without organisation is set up first."""
    organisation = Organisation.objects.first()
    if organisation is None or not Unit.objects.exists():
        return HttpResponseRedirect(reverse("setup"))
    counts = _counts(today())
    context = {"areas": _areas(organisation, counts), "gaps": _gaps(counts)}
    return page(request, TEMPLATE, context, partial="overview")


def _counts(day: date) -> dict[str, int]:
    active = Kpi.objects.filter(status=Kpi.Status.ACTIVE)
    scored = active.exclude(polarity=Kpi.Polarity.UNSCORED)
    owned = active.filter(objective=OuterRef("pk"))
    targets = targets_that_hold(day).filter(kpi=OuterRef("pk"))
    # Numbers that name the goal themselves need no target beside them.
    stands_alone = ThresholdSet.objects.filter(
        Q(goal__isnull=False) | Q(goal_low__isnull=False), kpi=OuterRef("pk"), mode=ThresholdSet.Mode.ABSOLUTE
    )
    people = User.objects.filter(is_active=True)
    in_force = RoleAssignment.objects.filter(Q(valid_until=None) | Q(valid_until__gte=day), user=OuterRef("pk"))
    objectives = Objective.objects.filter(status=Objective.Status.ACTIVE)
    return {
        "units": Unit.objects.filter(is_active=True).count(),
        "people": people.count(),
        "without_role": people.filter(~Exists(in_force), is_superuser=False).count(),
        "invitations": people.filter(last_login=None, invitations__state=Invitation.State.FAILED).distinct().count(),
        "calendars": PeriodCalendar.objects.count(),
        "default_calendars": PeriodCalendar.objects.filter(is_default=True).count(),
        "kpis": active.count(),
        "drafts": Kpi.objects.filter(status__in=[Kpi.Status.DRAFT, Kpi.Status.PROPOSED]).count(),
        "without_target": scored.filter(~Exists(targets), ~Exists(stands_alone)).count(),
        "without_thresholds": scored.filter(~Exists(ThresholdSet.objects.filter(kpi=OuterRef("pk")))).count(),
        "without_owner": Kpi.objects.exclude(status=Kpi.Status.RETIRED).filter(owner__is_active=False).count(),
        "objectives": objectives.count(),
        "without_kpi": objectives.filter(~Exists(owned), children=None).count(),
        "sources": DataSource.objects.count(),
        "failing": DataSource.objects.filter(is_enabled=True, consecutive_failures__gt=0).count(),
        "held": Pull.objects.filter(state=Pull.State.SUSPECT).count(),
        "reopenings": PeriodReopening.objects.filter(decided_at=None).count(),
        "forums": Forum.objects.filter(is_active=True).count(),
    }


def _areas(organisation: Organisation, counts: dict[str, int]) -> list[tuple[str, list[Area]]]:
    zone = organisation.time_zone.replace("_", " ")
    groups = [
        (
            _("Organisation"),
            [
                (_("Organisation"), f"{organisation.name}, {zone}", reverse("configuration:organisation")),
                (_("Units"), _n("%d unit", "%d units", counts["units"]), reverse("configuration:units")),
                (
                    _("People and roles"),
                    _n("%d person may sign in", "%d people may sign in", counts["people"]),
                    reverse("configuration:people"),
                ),
                (_("Who can see what"), _("readers of every KPI and objective"), reverse("configuration:access")),
                (_("Audit trail"), _("who changed what, and when"), reverse("audit")),
                (
                    _("Calendars"),
                    _n("%d calendar", "%d calendars", counts["calendars"]),
                    reverse("configuration:calendars"),
                ),
            ],
        ),
        (
            _("Strategy and measurement"),
            [
                (
                    _("Objectives and perspectives"),
                    _n("%d active objective", "%d active objectives", counts["objectives"]),
                    reverse("strategy:objectives"),
                ),
                (_("KPIs"), _kpis_in_words(counts), reverse("kpis:configure")),
                (_("Values by hand"), _("what is asked, and who approves"), reverse("configuration:entry_rules")),
                (_("Sources"), _n("%d source", "%d sources", counts["sources"]), reverse("configuration:sources")),
                (
                    _("Forums and review cadences"),
                    _n("%d forum", "%d forums", counts["forums"]),
                    reverse("reviews:reviews"),
                ),
            ],
        ),
        (
            _("In and out"),
            [
                (_("API tokens"), _("keys by which programs read and push"), reverse("api:tokens")),
                (_("Import a list of KPIs"), _("from a spreadsheet, looked at line by line"), reverse("kpi_list:send")),
                (_("Export"), _("everything as CSV, Excel or JSON lines"), reverse("export:page")),
            ],
        ),
    ]
    return [
        (title, [Area(label=label, says=says, url=url) for label, says, url in areas if url]) for title, areas in groups
    ]


def _gaps(counts: dict[str, int]) -> list[Gap]:
    kpis, people = reverse("kpis:configure"), reverse("configuration:people")
    sources, calendars = reverse("configuration:sources"), reverse("configuration:calendars")
    objectives = reverse("strategy:objectives")
    look, give = _("Look"), _("Put it right")
    found: list[tuple[Any, str, str, bool]] = [
        (
            "" if counts["objectives"] else _("There is no objective yet."),
            reverse("setup_step", args=["objective"]),
            _("Name the first"),
            False,
        ),
        (
            "" if counts["people"] > 1 else _("Nobody else is invited yet."),
            reverse("setup_step", args=["people"]),
            _("Invite people"),
            False,
        ),
        ("" if counts["default_calendars"] else _("There is no default calendar."), calendars, give, True),
        (
            "" if counts["kpis"] else _("There is no active KPI yet."),
            reverse("kpis:new"),
            _("Define one"),
            False,
        ),
        (
            _n("%d KPI has an owner who left.", "%d KPIs have an owner who left.", counts["without_owner"]),
            kpis,
            give,
            True,
        ),
        (_n("%d KPI has no target.", "%d KPIs have no target.", counts["without_target"]), kpis, give, False),
        (
            _n("%d KPI has no thresholds.", "%d KPIs have no thresholds.", counts["without_thresholds"]),
            kpis,
            give,
            False,
        ),
        (_n("%d objective has no KPI.", "%d objectives have no KPI.", counts["without_kpi"]), objectives, give, False),
        (_n("%d source is failing.", "%d sources are failing.", counts["failing"]), sources, look, True),
        (
            _n(
                "%d pull is held and waits for a decision.",
                "%d pulls are held and wait for a decision.",
                counts["held"],
            ),
            sources,
            _("Decide"),
            True,
        ),
        (
            _n(
                "%d request to reopen a locked period waits for a decision.",
                "%d requests to reopen locked periods wait for a decision.",
                counts["reopenings"],
            ),
            reverse("kpis:reopenings"),
            _("Decide"),
            False,
        ),
        (_n("%d person has no role.", "%d people have no role.", counts["without_role"]), people, give, False),
        (
            _n("%d invitation could not be sent.", "%d invitations could not be sent.", counts["invitations"]),
            people,
            look,
            True,
        ),
    ]
    return [Gap(says=says, url=url, action=action, grave=grave) for says, url, action, grave in found if says]


def _n(one: str, many: str, n: int) -> str:
    """Return the counted words, nothing for none."""
    return ngettext(one, many, n) % n if n else ""


def _kpis_in_words(counts: dict[str, int]) -> str:
    words = [
        _n("%d active KPI", "%d active KPIs", counts["kpis"]),
        _n("%d draft", "%d drafts", counts["drafts"]),
    ]
    return ", ".join(word for word in words if word)
