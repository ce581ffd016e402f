"""The audit trail for administrators and auditors: a page, and the same as a file."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from kpiplatform.accounts.models import User
from kpiplatform.audit.chain import first_broken_entry
from kpiplatform.audit.models import AuditEntry
from kpiplatform.dashboards import sheet_file
from kpiplatform.dashboards.audit_trail.presenter import HEAD, lines_of, rows_of, tables_in_words
from kpiplatform.dashboards.audit_trail.queries import Chosen, audited_tables, entries
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import page
from kpis.domain.days import day_named
from objectives.queries import Scope, auditing_scope_of, organisation

ON_A_PAGE, IN_A_FILE = 50, 10_000


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Show who changed what and when, newest first; with `verify` also whether the chain of entries holds."""
    scope = _scope_or_404(request)
    chosen, audited = _chosen(request), audited_tables()
    found = list(_entries(request, chosen)[: ON_A_PAGE + 1])
    shown = found[:ON_A_PAGE]
    older = replace(chosen, before=shown[-1].pk) if len(found) > ON_A_PAGE else None
    context = {
        "chosen": chosen,
        "rows": rows_of(shown, timezone.get_current_timezone()),
        "tables": [(table, words) for table, words in tables_in_words() if table in audited],
        "people": User.objects.order_by("name"),
        "of_units": not scope.everything,
        "older": _query(older) if older else "",
        "file_query": _query(chosen),
        "verify_query": f"{_query(chosen)}&verify=1".lstrip("&"),
        "verdict": _verdict() if "verify" in request.GET else None,
    }
    return page(request, "dashboards/audit.html", context, partial="trail")


@require_safe
def audit_file(request: HttpRequest) -> HttpResponse:
    """Send the entries as a file for spreadsheets, the newest ten thousand of those asked for."""
    _scope_or_404(request)
    found = list(_entries(request, _chosen(request))[:IN_A_FILE])
    note_taken(request, name="audit-trail.csv", rows=len(found))
    return sheet_file.csv_response(sheet_file.as_csv(HEAD, lines_of(found)), name="audit-trail")


def _scope_or_404(request: HttpRequest) -> Scope:
    scope = auditing_scope_of(request.user, today=timezone.localdate())
    if not scope.everything and not scope.unit_paths:
        raise Http404
    return scope


def _entries(request: HttpRequest, chosen: Chosen) -> QuerySet[AuditEntry]:
    zone = ZoneInfo(organisation().time_zone)
    return entries(request.user, chosen, zone=zone, today=timezone.localdate())


def _chosen(request: HttpRequest) -> Chosen:
    asked = request.GET
    actor, before = asked.get("who", ""), asked.get("before", "")
    return Chosen(
        table=asked.get("table", "")[:80].replace("\0", ""),
        row=asked.get("row", "")[:40].replace("\0", ""),
        actor=int(actor) if actor.isdecimal() and len(actor) < 18 else None,
        first=day_named(asked.get("from", "")),
        last=day_named(asked.get("to", "")),
        before=int(before) if before.isdecimal() and len(before) < 18 else None,
    )


def _query(chosen: Chosen) -> str:
    words = {
        "table": chosen.table,
        "row": chosen.row,
        "who": "" if chosen.actor is None else str(chosen.actor),
        "from": str(chosen.first or ""),
        "to": str(chosen.last or ""),
        "before": str(chosen.before or ""),
    }
    return urlencode({name: word for name, word in words.items() if word})


def _verdict() -> dict[str, object]:
    """Return whether every entry follows from the one before it, in words."""
    broken, count = first_broken_entry(), AuditEntry.objects.count()
    if broken is None:
        told = ngettext(
            "The chain holds: the only entry follows from its content.",
            "The chain holds: each of the %(n)s entries follows from its content and the one before it.",
            count,
        )
        return {"holds": True, "words": told % {"n": f"{count:,}"}}
    told = _(
        "The chain is broken at entry %(entry)d: it, or the one before it, was changed past the database's refusal."
    )
    return {"holds": False, "words": told % {"entry": broken}}
