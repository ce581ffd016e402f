"""Recording what was confirmed of a spreadsheet, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.fill_in.preview import REFUSED, Preview
from kpiplatform.dashboards.models import SentFile
from kpis.domain.entry_checks import Problem
from kpis.services.entry import UPLOAD, enter_measurements
from kpis.services.keeping import keep

LEFT_OUT_SHOWN = 300


def record_preview(*, file: SentFile, seen: Preview, reason: str, user: User, today: date, now: datetime) -> SentFile:
    """Store what the preview takes, all in one transaction, with `reason` beside every value; keep what is unexplained.

    Raises EntryRefused, PeriodLocked or Conflict where something changed since; nothing was stored then.
    """
    with transaction.atomic():
        row = SentFile.objects.select_for_update().get(pk=file.pk)
        if row.done_at is not None:
            return row
        entries = [
            replace(line.entry, note=reason, sure=line.question is Problem.UNUSUAL or line.entry.sure)
            for line in seen.taken
            if line.entry is not None
        ]
        for line in seen.kept:
            if line.entry is not None:
                keep(entry=replace(line.entry, note=reason), told={}, user=user, today=today, now=now)
        recorded = enter_measurements(entries=entries, user=user, now=now, kind=UPLOAD)
        row.done_at, row.sheets = now, {}
        row.outcome = {
            "new": recorded.new,
            "revised": recorded.revised,
            "waiting": recorded.waiting,
            "same": seen.same + recorded.unchanged,
            "kept": len(seen.kept),
            "refused": len(seen.of(REFUSED)),
            "left_out": [[one.place, one.kpi, one.period, one.says] for one in seen.of(REFUSED)[:LEFT_OUT_SHOWN]],
        }
        row.save(update_fields=["done_at", "outcome", "sheets"])
    return row
