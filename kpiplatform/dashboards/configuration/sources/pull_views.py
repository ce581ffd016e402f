"""One pull: what it changed, what its rules found, the lines it refused, and the decision about a held one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.dashboards.configuration.entry import posted
from kpiplatform.dashboards.configuration.sources.changes import CHANGES_SHOWN, Change, Changes, changes_of
from kpiplatform.dashboards.configuration.sources.forms import DecisionForm
from kpiplatform.dashboards.configuration.sources.opening import frame_of, source_for, source_to_read
from kpiplatform.dashboards.configuration.sources.showing import (
    REFUSALS_SHOWN,
    cut_words,
    number_of,
    pull_row,
    unfed_words,
)
from kpiplatform.dashboards.sheet_file import as_csv, csv_response
from kpiplatform.dashboards.taking import note_taken
from kpiplatform.htmx import changed, page
from kpis.grades import Then, grades_then
from kpis.models import DataSource, Kpi, Pull
from kpis.queries import calendars
from kpis.services.applying import NotHeld
from kpis.services.pulling import apply_held_pull, discard_held_pull
from kpis.words import in_words
from objectives.queries import organisation

PULL = "configuration/pull.html"
CHANGES_HEAD = (
    *("kpi", "name", "period", "before", "after", "band before", "band after"),
    *("confidence before", "confidence after"),
)


@require_http_methods(["GET", "POST"])
def pull(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Show what a pull changed; POST applies a held one or puts it aside."""
    row = _pull_or_404(source_for(request, code), pk)
    changes = changes_of(row, now=timezone.now())
    form = DecisionForm(posted(request), changes=changes)
    if form.is_valid():
        applies = request.POST.get("decision") == "apply"
        decide = apply_held_pull if applies else discard_held_pull
        try:
            decide(pull_id=row.pk, by=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
        except NotHeld:
            form.add_error(None, _("Somebody decided already, or a newer pull was applied. Nothing was changed."))
        else:
            row.refresh_from_db()
            message = _("The values of the pull are applied.") if applies else _("The pull is put aside.")
            context = _context(request, row, changes_of(row, now=timezone.now()), form)
            return changed(request, PULL, context, partial="pull", fact="pull-decided", message=message)
    return page(
        request, PULL, _context(request, row, changes, form), partial="pull", status=422 if form.is_bound else 200
    )


@require_safe
def refusals(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Send the lines that a pull refused as a file for spreadsheets."""
    row = _pull_or_404(source_to_read(request, code), pk)
    lines = list(row.refusals.order_by("id").values_list("line", "why"))
    locale = request.user.locale
    text = as_csv(["line", "why"], ([line or None, in_words(why, locale=locale)] for line, why in lines))
    name = f"{code}-pull-{row.pk}-refused"
    note_taken(request, name=f"{name}.csv", rows=len(lines))
    return csv_response(text, name=name)


@require_safe
def pull_changes(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Send every value that a pull changed, or would change, as a file for spreadsheets."""
    row = _pull_or_404(source_to_read(request, code), pk)
    changes = changes_of(row, now=timezone.now(), limit=None).rows
    grades = _grades(changes)
    lines = (
        [
            *(one.kpi.code, one.kpi.name, one.period.key, one.before, one.after),
            *(one.bands or (None, None)),
            *(grades.get(value) if value else None for value in one.graded),
        ]
        for one in changes
    )
    text = as_csv(CHANGES_HEAD, lines)
    name = f"{code}-pull-{row.pk}-changes"
    note_taken(request, name=f"{name}.csv", rows=len(changes))
    return csv_response(text, name=name)


def _grades(changes: Sequence[Change]) -> dict[Then, str]:
    """Return the grades of the values before and after each change, as far as there are any."""
    asked = {one for change in changes for one in change.graded if one is not None}
    return grades_then(asked, now=timezone.now(), zone=ZoneInfo(organisation().time_zone))


def _pull_or_404(source: DataSource, pk: int) -> Pull:
    return get_object_or_404(Pull.objects.select_related("source", "asked_by"), pk=pk, source=source)


def _cuts(row: Pull) -> list[str]:
    """Say which periods of its KPIs a pull has only a part of; most have none."""
    if row.begins_on is None and row.ends_on is None:
        return []
    by_calendar = calendars()
    fed = Kpi.objects.filter(mapping__source=row.source_id, status=Kpi.Status.ACTIVE)
    rhythms = fed.order_by().values_list("frequency", "calendar_id").distinct()
    return cut_words(row.begins_on, row.ends_on, [(often, by_calendar[pk]) for often, pk in rhythms])


def _context(request: HttpRequest, row: Pull, changes: Changes, form: DecisionForm) -> dict[str, Any]:
    locale = request.user.locale
    shown = changes.rows[:CHANGES_SHOWN]
    grades = _grades(shown)
    counted = {name: number_of(getattr(changes, name), locale) for name in ("total", "new", "revised", "unchanged")}
    return frame_of(request, row.source) | {
        "pull": row,
        "shown": pull_row(row, zone=timezone.get_current_timezone(), locale=locale),
        "cuts": _cuts(row),
        "unfed": unfed_words(row),
        "is_held": row.state == Pull.State.SUSPECT,
        "changes": [one.shown(locale, grades) for one in shown],
        "counted": counted,
        "change_count": changes.total,
        "turning": changes.turning,
        "more": changes.total > CHANGES_SHOWN,
        "checks": row.checks.order_by("is_kept", "pk"),
        "refusals": row.refusals.order_by("id")[:REFUSALS_SHOWN],
        "refused": number_of(row.rows_refused, locale),
        "more_refusals": row.rows_refused > REFUSALS_SHOWN,
        "locked": changes.locked,
        "form": form,
    }
