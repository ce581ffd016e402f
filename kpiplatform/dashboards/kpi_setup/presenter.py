"""KPIs as administrators see them, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.dashboards.kpi_setup.queries import MANY, Filters, Part
from kpis.dates import day, moment
from kpis.domain.figures import number
from kpis.models import Kpi, KpiOwnership, KpiVersion, KpiWeight
from kpis.services.defining import FOLLOWING, what_is_missing

LACKS = {
    "thresholds": gettext_lazy("no thresholds"),
    "target": gettext_lazy("no target"),
    "owner": gettext_lazy("owner left"),
    "initiative": gettext_lazy("no initiative"),
}
VERBS = {
    Kpi.Status.DRAFT: gettext_lazy("Back to draft"),
    Kpi.Status.PROPOSED: gettext_lazy("Propose"),
    Kpi.Status.ACTIVE: gettext_lazy("Activate"),
    Kpi.Status.RETIRED: gettext_lazy("Retire"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A KPI of the list."""

    kpi: Kpi
    status: str
    limits: str
    is_lacking: bool
    owner_left: bool


def listed(part: Part, filters: Filters) -> dict[str, Any]:
    """Return a part of the list by objective."""
    groups = []
    for objective, kpis in groupby(part.kpis.rows, key=lambda kpi: kpi.objective):
        count = part.on_objective[objective.pk]
        many = _many(count) if count > MANY and not filters.any else ""
        groups.append({"objective": objective, "rows": [_row(kpi) for kpi in kpis], "many": many})
    after = part.kpis.after
    return {
        "groups": [*groups, *({"objective": objective, "rows": [], "many": ""} for objective in part.unmeasured)],
        "filters": filters,
        "count": part.total,
        "more": "?" + urlencode(filters.query | {"after": after}) if after else "",
        "statuses": Kpi.Status.choices,
        "entries": Kpi.Entry.choices,
        "lacks": LACKS.items(),
    }


def _many(count: int) -> str:
    words = {"count": count, "many": MANY}
    return _("%(count)d KPIs: more than %(many)d on one objective are rarely looked at.") % words


def _row(kpi: Kpi) -> Row:
    judged = kpi.polarity != Kpi.Polarity.UNSCORED
    lacking = [
        words
        for words, there in (
            (_("no target"), kpi.has_target or kpi.stands_alone),
            (_("no thresholds"), kpi.has_thresholds),
        )
        if judged and not there
    ]
    return Row(
        kpi=kpi,
        status=kpi.get_status_display(),
        limits=", ".join(lacking) or (_("set") if judged else _("not scored")),
        is_lacking=bool(lacking),
        owner_left=not kpi.owner.is_active,
    )


def about(kpi: Kpi, *, today: date, zone: tzinfo) -> dict[str, Any]:
    """Return what stands beside the sheet: the life of the KPI, its versions, what it lacks."""
    versions = KpiVersion.objects.filter(kpi=kpi).select_related("recorded_by").order_by("-version")
    return {
        "kpi": kpi,
        "status": kpi.get_status_display(),
        "moves": moves(kpi),
        "missing": what_is_missing(kpi) if kpi.status != Kpi.Status.RETIRED else [],
        "is_versioned": kpi.status in {Kpi.Status.ACTIVE, Kpi.Status.RETIRED},
        "versions": [
            {
                "number": version.version,
                "from": day(version.effective_from),
                "who": version.recorded_by.name,
                "at": moment(version.recorded_at, zone),
                "why": version.reason,
                "breaks": version.breaks_series,
            }
            for version in versions
        ],
    }


def moves(kpi: Kpi) -> list[dict[str, str]]:
    """Return what may follow in the life of the KPI."""
    return [
        {"to": to.value, "verb": str(VERBS[to]), "state": str(to.label), "is_end": "1" if to == "retired" else ""}
        for to in FOLLOWING[Kpi.Status(kpi.status)]
    ]


def owners(kpi: Kpi, zone: tzinfo) -> list[dict[str, str]]:
    """Return who owned the KPI from when, the latest first."""
    rows = KpiOwnership.objects.filter(kpi=kpi).select_related("owner", "recorded_by")
    return [
        {
            "from": day(row.effective_from),
            "owner": row.owner.name,
            "why": row.reason,
            "who": row.recorded_by.name,
            "at": moment(row.recorded_at, zone),
        }
        for row in rows.order_by("-effective_from", "-recorded_at")
    ]


def shares(rows: Sequence[tuple[Kpi, Any]], own: Kpi, locale: str) -> list[dict[str, Any]]:
    """Return the weights of the KPIs of an objective and the share of each."""
    weights = [Decimal(1) if weight is None else weight for _kpi, weight in rows]
    total = sum(weights, Decimal(0))
    return [
        {
            "kpi": kpi,
            "weight": number(weight, 0 if weight == int(weight) else 1, locale=locale),
            "share": f"{number(weight * 100 / total, 0, locale=locale)} %" if total else "–",
            "is_own": kpi.pk == own.pk,
        }
        for (kpi, _weight), weight in zip(rows, weights, strict=True)
    ]


def weights(kpi: Kpi, locale: str, known_at: datetime | None = None) -> list[dict[str, str]]:
    """Return the weights of the KPI from when on, the latest first, as known at a moment (None: now)."""
    rows = KpiWeight.objects.filter(kpi=kpi).select_related("recorded_by").order_by("-effective_from", "-recorded_at")
    if known_at is not None:
        rows = rows.filter(recorded_at__lt=known_at)
    return [
        {
            "from": day(row.effective_from),
            "weight": number(row.weight, 0 if row.weight == int(row.weight) else 1, locale=locale),
            "who": row.recorded_by.name,
        }
        for row in rows
    ]
