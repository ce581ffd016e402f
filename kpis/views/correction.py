"""The value of one period: every version of it, the form that corrects it, and bringing a version back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.accounts.models import User
from kpiplatform.htmx import changed, page
from kpis.domain.entry_checks import EntryRefused, Problem
from kpis.domain.periods import Period
from kpis.forms import BringBackForm, CorrectionForm, period_name
from kpis.grades import grades_of_versions
from kpis.models import KeptValue, Kpi, Measurement, MeasurementRevision, ProposedValue
from kpis.queries import entry_rules
from kpis.readings import Conflict, PeriodLocked
from kpis.reopenings import closure_of
from kpis.revision_words import who_revised
from kpis.services.entry import Entry, enter_measurements
from kpis.services.keeping import keep
from kpis.services.proposing import AlreadyDecided, needs_approval, withdraw
from kpis.services.undoing import bring_back as bring_back_now
from kpis.services.undoing import said_again
from kpis.views.access import kpi_to_read, may_change_values, may_propose_values, period_or_404
from kpis.views.closures import closure_in_words
from kpis.views.versions import in_words, versions, waiting_in_words
from objectives.queries import may_configure, organisation, organisations_day


@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, code: str, period_start: date) -> HttpResponse:
    """Show every version of the value of one period; POST changes it, with the reason, for those who may."""
    now, kpi = timezone.now(), kpi_to_read(request, code)
    period, today = period_or_404(kpi, period_start), organisations_day(now)
    may_change, proposes = may_change_values(request, kpi), may_propose_values(request, kpi)
    may_enter = may_change or proposes
    if request.method == "POST" and not may_enter:
        raise PermissionDenied
    if "withdraw" in request.POST:
        return _withdrawn(request, kpi, period)
    closure = closure_of(kpi, period, now=now)
    form = None
    if request.method == "POST" or (may_enter and not closure.is_closed):
        form = _form(request, kpi, period, today)
    waits = needs_approval(kpi, request.user, entry_rules(), today=today)
    context = _context(kpi, period) | {"correction_form": form, "waits": waits, "proposes": proposes}
    if form is not None and form.is_valid() and _stored(form, request.user, now, today):
        recorded = _("%(period)s waits for approval.") if waits else _("%(period)s is recorded.")
        return changed(
            request,
            "kpis/correct.html",
            context,
            partial="done",
            fact="measurement-recorded",
            message=recorded % {"period": period_name(period)},
            to=f"{reverse('kpi', args=[kpi.code])}#table",
        )
    context |= {
        "versions": versions(
            kpi,
            period,
            locale=request.user.locale,
            links_pulls=may_configure(request.user, today=timezone.localdate()),
        ),
        "waiting": waiting_in_words(kpi, period, locale=request.user.locale),
        "own_waiting": _own_proposals(request.user, kpi, period).filter(outcome=ProposedValue.Outcome.WAITING).first(),
        "closure": closure_in_words(closure, now=now),
        "may_ask": may_change and closure.is_closed and closure.waiting is None,
        "may_bring_back": may_change and not closure.is_closed and not waits,
    }
    refused = form is not None and form.is_bound
    return page(request, "kpis/correct.html", context, partial="form", status=422 if refused else 200)


@require_http_methods(["GET", "POST"])
def bring_back(request: HttpRequest, code: str, period_start: date, seq: int) -> HttpResponse:
    """Ask why an earlier version of a value shall hold again; POST lets it, as a new revision."""
    now, kpi = timezone.now(), kpi_to_read(request, code)
    if not may_change_values(request, kpi):
        raise PermissionDenied
    period = period_or_404(kpi, period_start)
    revisions = MeasurementRevision.objects.filter(kpi=kpi, period_start=period.start)
    wanted = get_object_or_404(revisions, seq=seq)
    present = revisions.latest("seq")
    zone = ZoneInfo(organisation().time_zone)
    grades = grades_of_versions(list(revisions.order_by("-seq")), now=now, zone=zone)
    form = BringBackForm(request.POST if request.method == "POST" else None, seq=present.seq)
    context = _context(kpi, period) | {
        "back_form": form,
        "seq": seq,
        "now_words": in_words(present, kpi, locale=request.user.locale),
        "now_grade": grades.get(present.seq, ""),
        "then_words": in_words(wanted, kpi, locale=request.user.locale),
        "then_grade": grades.get(seq, ""),
    }
    if form.is_valid() and _brought_back(form, kpi, wanted, request.user, now):
        return changed(
            request,
            "kpis/bring_back.html",
            context,
            partial="form",
            fact="measurement-recorded",
            message=_("%(period)s is as it was in version %(seq)d.") % {"period": period_name(period), "seq": seq},
            to=reverse("kpis:correct", args=[kpi.code, period.start]),
        )
    return page(request, "kpis/bring_back.html", context, partial="form", status=422 if form.is_bound else 200)


def _withdrawn(request: HttpRequest, kpi: Kpi, period: Period) -> HttpResponse:
    """Take back the value of the reader that waits, if nobody has decided about it; then show how it stands."""
    pk = request.POST["withdraw"]
    own = get_object_or_404(_own_proposals(request.user, kpi, period), pk=pk if pk.isdecimal() and len(pk) < 10 else 0)
    words = {"period": period_name(period)}
    message = _("%(period)s: your value is withdrawn; nobody has to decide about it.") % words
    try:
        withdraw(proposed_id=own.pk, user=request.user, now=timezone.now())
    except AlreadyDecided:
        if own.outcome != ProposedValue.Outcome.WITHDRAWN:
            message = _("%(period)s: it was decided about your value meanwhile; nothing was withdrawn.") % words
    return changed(
        request,
        "kpis/correct.html",
        _context(kpi, period),
        partial="form",
        fact="measurement-recorded",
        message=message,
        to=reverse("kpis:correct", args=[kpi.code, period.start]),
    )


def _own_proposals(user: User, kpi: Kpi, period: Period) -> QuerySet[ProposedValue]:
    return ProposedValue.objects.filter(kpi=kpi, period_start=period.start, entered_by=user)


def _form(request: HttpRequest, kpi: Kpi, period: Period, today: date) -> CorrectionForm:
    present = Measurement.objects.filter(kpi=kpi, period_start=period.start).first()
    kept = KeptValue.objects.filter(kpi=kpi, period_start=period.start, entered_by=request.user).first()
    data = request.POST if request.method == "POST" else None
    return CorrectionForm(
        data,
        kpi=kpi,
        period=period,
        present=present,
        kept=kept,
        locale=request.user.locale,
        today=today,
    )


def _context(kpi: Kpi, period: Period) -> dict[str, Any]:
    return {"kpi": kpi, "period": period, "period_name": period_name(period)}


def _stored(form: CorrectionForm, user: User, now: datetime, today: date) -> bool:
    """Return whether the value is in the database now; otherwise the form says why it isn't."""
    said = form.cleaned_data
    entry = Entry(
        kpi=form.kpi,
        period=form.period,
        expected_seq=said["seq"],
        not_applicable=said["not_applicable"],
        provisional=said.get("provisional", False),
        note=said["note"],
        sure=said["sure"],
        explanation=form.telling.explanation,
        **form.numbers,
    )
    try:
        enter_measurements(entries=[entry], user=user, now=now)
    except EntryRefused as refused:
        form.refuse(refused)
        if refused.problem is Problem.EXPLANATION_WANTED:
            keep(entry=entry, told=form.data, user=user, today=today, now=now)
    except PeriodLocked:
        form.add_error(None, _locked(form.period))
    except Conflict as conflict:
        # The same value sent twice is stored once: the second time there is nothing left to do.
        if form.says_the_same(Measurement.objects.filter(kpi=form.kpi, period_start=form.period.start).first()):
            return True
        form.seq_shown = conflict.seq
        if conflict.proposed_id:
            form.add_error(None, _("A value that somebody else entered waits for approval: decide about that first."))
            return False
        form.add_error(None, _("Someone changed the value meanwhile, see below. Send yours again to replace theirs."))
    return not form.errors


def _brought_back(form: BringBackForm, kpi: Kpi, wanted: MeasurementRevision, user: User, now: datetime) -> bool:
    """Return whether the version holds now; otherwise the form says why it doesn't."""
    said, start = form.cleaned_data, wanted.period_start
    try:
        bring_back_now(
            kpi=kpi,
            period_start=start,
            seq=wanted.seq,
            expected_seq=said["seq"],
            note=said["note"],
            user=user,
            now=now,
        )
    except EntryRefused:
        form.add_error(None, _("Values of this KPI need an approval: enter the earlier value, and it waits."))
    except PeriodLocked:
        form.add_error(None, _locked(period_or_404(kpi, start)))
    except Conflict as conflict:
        present = MeasurementRevision.objects.get(kpi=kpi, period_start=start, seq=conflict.seq)
        if said_again(present) == said_again(wanted):
            return True  # the second press of the button
        form.show_again(conflict.seq)
        words = {"who": who_revised(present)}
        told = _("%(who)s changed the value meanwhile: compare, then send again to replace theirs.") % words
        form.add_error(None, told)
    return not form.errors


def _locked(period: Period) -> str:
    told = _("%(period)s is locked: its value can be changed only after it is reopened.")
    return told % {"period": period_name(period)}
