"""The definition of a KPI in its versions: when each held, who changed it and why, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from kpiplatform.cells import plain_number
from kpiplatform.dashboards.kpi_setup.sheet import LABELS
from kpiplatform.htmx import page
from kpis.dates import day, moment
from kpis.models import Kpi, KpiVersion
from kpis.queries import kpis_visible_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One line of the sheet that is not as it was; "" where nothing stood or stands."""

    label: str
    was: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version, ready to print; the first has no differences."""

    number: int
    since: str
    at: str
    who: str
    why: str
    breaks: bool
    is_first: bool
    differences: Sequence[Difference]


@require_safe
def kpi_versions(request: HttpRequest, code: str) -> HttpResponse:
    """Show every version of the definition with what changed, to everybody who sees the KPI."""
    today = timezone.localdate()
    visible = kpis_visible_to(request.user, today=today)
    kpi = get_object_or_404(visible, code=code)
    rows = list(KpiVersion.objects.filter(kpi=kpi).select_related("recorded_by").order_by("-version"))
    names = _names(rows, {"guard": visible, "part_of": visible})
    context = {"kpi": kpi, "versions": list(_versions(rows, names)), "present": kpi.version}
    return page(request, "kpis/versions.html", context, partial="list")


def _versions(rows: Sequence[KpiVersion], names: Mapping[tuple[str, Any], str]) -> Iterator[Version]:
    zone = timezone.get_current_timezone()
    for row, before in pairwise([*rows, None]):
        assert row is not None
        yield Version(
            number=row.version,
            since=day(row.effective_from),
            at=moment(row.recorded_at, zone),
            who=row.recorded_by.name,
            why=row.reason,
            breaks=row.breaks_series,
            is_first=before is None,
            differences=list(_differences(before.definition, row.definition, names)) if before else [],
        )


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[tuple[str, Any], str]
) -> Iterator[Difference]:
    """Yield the lines that read otherwise. What an older sheet did not note yet was as it is."""
    for name, label in LABELS.items():
        field = Kpi._meta.get_field(name)
        if field.attname in before and field.attname in after:
            old, new = (
                names.get((name, one)) or _said(field, one) for one in (before[field.attname], after[field.attname])
            )
            if old != new:
                yield Difference(label=str(label), was=old, now=new)


def _said(field: Any, value: Any) -> str:
    """Return a value of the sheet as people read it."""
    if value in (None, ""):
        return ""
    if field.is_relation:
        return _("one that you may not open")
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    stored = field.to_python(value)
    if isinstance(stored, date):
        return day(stored)
    return plain_number(stored) if hasattr(stored, "quantize") else str(value)


def _names(rows: Sequence[KpiVersion], visible: Mapping[str, Any]) -> dict[tuple[str, Any], str]:
    """Return what the things are called that the sheets refer to, as far as the reader may see them."""
    found: dict[tuple[str, Any], str] = {}
    for name in LABELS:
        field = Kpi._meta.get_field(name)
        if field.is_relation:
            ids = {row.definition.get(field.attname) for row in rows} - {None}
            things = visible.get(name, field.related_model._default_manager.all())
            if len(ids) > 0:
                found |= {(name, one.pk): str(one) for one in things.filter(pk__in=ids)}
    return found
