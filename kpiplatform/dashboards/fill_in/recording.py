"""Recording what was confirmed of a spreadsheet, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.fill_in.preview import Preview
from kpiplatform.dashboards.models import SentFile
from kpis.domain.entry_checks import Problem
from kpis.services.entry import UPLOAD, enter_measurements


def record_preview(*, file: SentFile, seen: Preview, reason: str, user: User, now: datetime) -> SentFile:
    """Store what the preview takes, all in one transaction, with `reason` beside every value.

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
        recorded = enter_measurements(entries=entries, user=user, now=now, kind=UPLOAD)
        row.done_at, row.sheets = now, {}
        row.outcome = {
            "new": recorded.new,
            "revised": recorded.revised,
            "waiting": recorded.waiting,
            "same": seen.same + recorded.unchanged,
            "refused": len(seen.lines) - len(entries),
        }
        row.save(update_fields=["done_at", "outcome", "sheets"])
    return row
