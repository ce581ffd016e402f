"""Reopening a locked period: asked for with a reason, decided by another person, closed again by time alone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpis.domain.periods import Period
from kpis.models import Kpi, PeriodReopening
from kpis.reopenings import closure_of
from objectives.queries import organisation

DAYS_OPEN, MOST_DAYS_OPEN = 3, 31


class Refused(ValueError):
    """The request or the decision makes no sense any more; the sentence says why. Nothing was written."""


def ask_to_reopen(*, kpi: Kpi, period: Period, reason: str, by: User, now: datetime) -> PeriodReopening:
    """Ask that a locked period may be written again. Asked twice by the same person, it is one request.

    Raises Refused where the period is open, or somebody else has asked already.
    """
    with transaction.atomic():
        Kpi.objects.select_for_update(of=("self",), no_key=True).get(pk=kpi.pk)
        closure = closure_of(kpi, period, now=now)
        if closure.waiting is not None:
            if closure.waiting.requested_by_id == by.pk:
                return closure.waiting
            words = {"name": closure.waiting.requested_by.name}
            raise Refused(_("%(name)s has asked for this already: one decision is enough for both.") % words)
        if not closure.is_closed:
            raise Refused(_("The period is open: its value can be changed without asking."))
        return PeriodReopening.objects.create(
            kpi=kpi, period_start=period.start, reason=reason, requested_by=by, requested_at=now
        )


def approve_reopening(*, reopening: PeriodReopening, last_day: date, by: User, now: datetime) -> PeriodReopening:
    """Let the period be written until `last_day` is over where the organisation is; then it is closed again.

    Raises Refused for the requester, for a day that is over or too far, and where another decision was quicker.
    """
    zone = ZoneInfo(organisation().time_zone)
    today = now.astimezone(zone).date()
    if not today <= last_day <= today + timedelta(days=MOST_DAYS_OPEN):
        raise Refused(_("Choose a last day within the next %(days)d days.") % {"days": MOST_DAYS_OPEN})
    expires_at = datetime.combine(last_day + timedelta(days=1), time.min, zone)
    with transaction.atomic():
        row = _locked(reopening, by)
        if row.approved_by_id == by.pk:
            return row  # the second press of the button
        _refuse_if_decided(row)
        row.approved_by, row.expires_at, row.decided_at = by, expires_at, now
        row.save(update_fields=["approved_by", "expires_at", "decided_at"])
    return row


def reject_reopening(*, reopening: PeriodReopening, reason: str, by: User, now: datetime) -> PeriodReopening:
    """Leave the period closed, and say why. Raises Refused for the requester and where another was quicker."""
    with transaction.atomic():
        row = _locked(reopening, by)
        if row.rejected_by_id == by.pk:
            return row  # the second press of the button
        _refuse_if_decided(row)
        row.rejected_by, row.rejection, row.decided_at = by, reason, now
        row.save(update_fields=["rejected_by", "rejection", "decided_at"])
    return row


def _locked(reopening: PeriodReopening, by: User) -> PeriodReopening:
    """Return the request, held until the transaction ends, for anybody but who asked."""
    rows = PeriodReopening.objects.select_for_update(of=("self",)).select_related("approved_by", "rejected_by")
    row = rows.get(pk=reopening.pk)
    if row.requested_by_id == by.pk:
        raise Refused(_("Nobody decides on their own request: somebody else has to."))
    return row


def _refuse_if_decided(row: PeriodReopening) -> None:
    if row.approved_by is not None:
        raise Refused(_("%(name)s has approved it already.") % {"name": row.approved_by.name})
    if row.rejected_by is not None:
        raise Refused(_("%(name)s has rejected it already.") % {"name": row.rejected_by.name})
