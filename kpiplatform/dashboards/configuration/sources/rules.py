"""The rules of a source: added, changed, removed."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.entry import posted, today
from kpiplatform.dashboards.configuration.sources.opening import frame_of, source_to_manage
from kpiplatform.dashboards.configuration.sources.rule_forms import AgreementForm, RuleForm, known_columns
from kpiplatform.dashboards.configuration.sources.rule_words import KINDS
from kpiplatform.htmx import changed, page
from kpis.models import DataSource, QualityRule
from kpis.queries import kpis_visible_to
from kpis.services.rules import add_rule, change_rule, remove_rule, set_agreement

RULE, AGREEMENT = "configuration/rule.html", "configuration/agreement.html"


@require_http_methods(["GET", "POST"])
def new_rule(request: HttpRequest, code: str, kind: str) -> HttpResponse:
    """Ask for a rule of a kind; POST adds it."""
    source = source_to_manage(request, code)
    if kind not in KINDS:
        raise Http404
    form = _form(request, source, kind)
    if form.is_valid():
        add_rule(source=source, said=form.said, by=request.user, now=timezone.now())
        message = _("The rule is added. The next pull is held against it.")
        return _done(request, source, form, "rule-added", message)
    return page(request, RULE, _context(request, source, form), partial="form", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def rule(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Show a rule; POST changes it, or with remove=1 takes it away."""
    source = source_to_manage(request, code)
    row = get_object_or_404(QualityRule, source=source, pk=pk)
    if request.POST.get("remove"):
        remove_rule(rule=row)
        return _done(request, source, _form(request, source, row.kind, row), "rule-removed", _("The rule is removed."))
    form = _form(request, source, row.kind, row)
    if form.is_valid():
        try:
            change_rule(rule=row, said=form.said, seen=form.cleaned_data["seen"])
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        else:
            message = _("The rule is changed. The next pull is held against it.")
            return _done(request, source, form, "rule-changed", message)
    context = _context(request, source, form, row)
    return page(request, RULE, context, partial="form", status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def agreement(request: HttpRequest, code: str) -> HttpResponse:
    """Show what is agreed about a source; POST sets it."""
    source = source_to_manage(request, code)
    form = AgreementForm(posted(request), source=source)
    if form.is_valid():
        try:
            set_agreement(source=source, now=timezone.now(), **form.cleaned_data)
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        else:
            context = frame_of(request, source) | {"form": form}
            return changed(
                request,
                AGREEMENT,
                context,
                partial="form",
                fact="source-changed",
                message=_("What is agreed about %(name)s is saved.") % {"name": source.name},
                to=_page_of(source, "agreed"),
            )
    context = frame_of(request, source) | {"form": form, "columns": known_columns(source)}
    return page(request, AGREEMENT, context, partial="form", status=422 if form.is_bound else 200)


def _form(request: HttpRequest, source: DataSource, kind: str, row: QualityRule | None = None) -> RuleForm:
    return RuleForm(
        posted(request),
        kind=kind,
        source=source,
        kpis=kpis_visible_to(request.user, today=today()),
        locale=request.user.locale,
        rule=row,
    )


def _context(
    request: HttpRequest, source: DataSource, form: RuleForm, row: QualityRule | None = None
) -> dict[str, Any]:
    return frame_of(request, source) | {
        "form": form,
        "rule": row,
        "title": KINDS[form.kind],
        "columns": known_columns(source),
    }


def _done(request: HttpRequest, source: DataSource, form: RuleForm, fact: str, message: str) -> HttpResponse:
    context = _context(request, source, form)
    return changed(request, RULE, context, partial="form", fact=fact, message=message, to=_page_of(source, "rules"))


def _page_of(source: DataSource, part: str) -> str:
    return f"{reverse('configuration:source', args=[source.code])}#{part}"
