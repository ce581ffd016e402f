"""Noting what people take along as files: who, which file, chosen how, and how many rows. Not what is in it."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone

from kpiplatform.audit.actor import acting
from kpiplatform.dashboards.models import TakenFile
from kpis.models import Kpi


def note_taken(request: HttpRequest, *, name: str, rows: int, kpi: Kpi | None = None) -> None:
    """Note that the person of a request is sent a file; the database writes it to the audit trail.

    Of a request that asks only whether there is something nothing is noted: it is sent none.
    """
    if request.method != "GET":
        return
    with acting(request.user.pk):  # a request that only reads names nobody
        TakenFile.objects.create(
            name=name,
            kpi=kpi,
            selection={key: request.GET.getlist(key) for key in request.GET},
            rows=rows,
            taken_by=request.user,
            taken_at=timezone.now(),
        )
