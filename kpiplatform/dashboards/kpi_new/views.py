"""Defining a KPI in seven steps. Whatever is typed is kept in a draft, step by step, until it is one."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kpiplatform.accounts.services.people import NotActive
from kpiplatform.dashboards.configuration.entry import admins_only, today
from kpiplatform.dashboards.kpi_new.finishing import answered, finish, first_open
from kpiplatform.dashboards.kpi_new.steps import BY_KEY, STEPS, Asked, Step
from kpiplatform.dashboards.kpi_setup.queries import MANY
from kpiplatform.dashboards.models import KpiDraft
from kpiplatform.htmx import page
from kpis.dates import day, moment
from kpis.domain.formula.errors import FormulaError
from kpis.formula_words import sentence
from kpis.models import Kpi
from kpis.services.refusal import Refused
from objectives.models import Objective

STEP, SUMMARY = "dashboards/kpi_new/step.html", "dashboards/kpi_new/summary.html"
HIDDEN = {"csrfmiddlewaretoken", "token", "to"}


@require_http_methods(["GET", "POST"])
@admins_only
def begin(request: HttpRequest) -> HttpResponse:
    """Ask the first step; what is sent begins a draft, once per page."""
    now = timezone.now()
    if request.method == "POST":
        token = _token(request.POST.get("token", ""))
        new = {"author": request.user, "begun_at": now, "changed_at": now}
        draft, _begun = KpiDraft.objects.get_or_create(token=token, author=request.user, defaults=new)
        return _keep(request, draft, STEPS[0], now)
    objective = request.GET.get("objective", "")
    form = STEPS[0].form(asked=_asked(request, None, now), initial={"objective": objective} if objective else None)
    context = {
        "form": form,
        "step": STEPS[0],
        "steps": _steps(None, STEPS[0]),
        "token": uuid.uuid4(),
        "action": reverse("kpis:new"),
        "unfinished": _unfinished(request),
        "number": 1,
        "no_objectives": not Objective.objects.filter(status=Objective.Status.ACTIVE).exists(),
    }
    return page(request, STEP, context, partial="body")


@require_http_methods(["GET", "POST"])
@admins_only
def step(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """Show a step as it was answered last; what is sent is kept, well answered or not."""
    now, draft = timezone.now(), _draft(request, pk)
    if key not in BY_KEY:
        return _go(reverse("kpis:new_step", args=[pk, STEPS[0].key]))
    if request.method == "POST":
        return _keep(request, draft, BY_KEY[key], now)
    return _shown(request, draft, BY_KEY[key], now)


@require_http_methods(["GET", "POST"])
@admins_only
def summary(request: HttpRequest, pk: int) -> HttpResponse:
    """Show all answers in one place; POST makes the KPI."""
    now, draft = timezone.now(), get_object_or_404(KpiDraft, pk=pk, author=request.user, is_dropped=False)
    if draft.kpi is not None:
        return _go(reverse("kpis:definition", args=[draft.kpi.code]))
    forms = answered(draft, _asked(request, draft, now))
    missing = first_open(forms)
    if missing is not None:
        messages.warning(request, _("One step is not answered yet: %(step)s.") % {"step": missing.title})
        return _go(reverse("kpis:new_step", args=[pk, missing.key]))
    refusal = ""
    if request.method == "POST":
        wanted = request.POST.get("status", "")
        status = wanted if wanted in {"draft", "proposed", "active"} else Kpi.Status.ACTIVE
        try:
            kpi = finish(draft=draft, forms=forms, status=status, by=request.user, now=now)
        except (Refused, NotActive) as refused:
            refusal = str(refused)
        except FormulaError as error:
            refusal = sentence(error)
        else:
            said = {"name": kpi.name, "state": kpi.get_status_display()}
            messages.success(request, _("%(name)s is defined and %(state)s.") % said)
            return _go(reverse("kpi", args=[kpi.code]) if kpi.status == "active" else _sheet_of(kpi))
    objective = forms["objective"].cleaned_data["objective"]
    count = objective.kpis.exclude(status=Kpi.Status.RETIRED).count()
    context = {
        "draft": draft,
        "steps": _steps(draft, None),
        "parts": [_part(draft, one, forms[one.key]) for one in STEPS],
        "refusal": refusal,
        "name": forms["progress"].cleaned_data["name"],
        "many": {"count": count + 1, "name": objective.name, "many": MANY} if count >= MANY else None,
    }
    return page(request, SUMMARY, context, partial="body", status=422 if refusal else 200)


@require_POST
@admins_only
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an unfinished draft from the list; undo=1 brings it back."""
    draft = get_object_or_404(KpiDraft, pk=pk, author=request.user, kpi=None)
    away = "undo" not in request.POST
    KpiDraft.objects.filter(pk=draft.pk).exclude(is_dropped=away).update(is_dropped=away, changed_at=timezone.now())
    if away:
        messages.success(request, _("The draft was put away. It can be brought back below."))
    return _go(reverse("kpis:new"))


def _keep(request: HttpRequest, draft: KpiDraft, step: Step, now: datetime) -> HttpResponse:
    """Keep what was typed, then go on, back, or show what is not answered yet."""
    # No text of the database holds NUL, also not within JSON.
    typed = {name: value.replace("\0", "") for name, value in request.POST.items() if name not in HIDDEN}
    if draft.answers.get(step.key) != typed:
        draft.answers, draft.changed_at = draft.answers | {step.key: typed}, now
        draft.save(update_fields=["answers", "changed_at"])
    place = STEPS.index(step)
    if request.POST.get("to") == "back" and place:
        return _go(reverse("kpis:new_step", args=[draft.pk, STEPS[place - 1].key]))
    form = step.form(typed, asked=_asked(request, draft, now))
    if not form.is_valid():
        return _shown(request, draft, step, now, form=form)
    if place + 1 == len(STEPS):
        return _go(reverse("kpis:new_summary", args=[draft.pk]))
    return _go(reverse("kpis:new_step", args=[draft.pk, STEPS[place + 1].key]))


def _shown(request: HttpRequest, draft: KpiDraft, step: Step, now: datetime, form: Any = None) -> HttpResponse:
    asked = _asked(request, draft, now)
    shown = form or step.form(asked=asked, initial=draft.answers.get(step.key))
    context = {
        "form": shown,
        "draft": draft,
        "step": step,
        "steps": _steps(draft, step),
        "action": reverse("kpis:new_step", args=[draft.pk, step.key]),
        "number": STEPS.index(step) + 1,
        "asks_for_name": "same_name_is_meant" in shown.fields and "name" in shown.errors,
    }
    return page(request, STEP, context, partial="body", status=422 if form else 200)


def _asked(request: HttpRequest, draft: KpiDraft | None, now: datetime) -> Asked:
    return Asked(answers=draft.answers if draft else {}, today=today(), now=now, reader=request.user)


def _draft(request: HttpRequest, pk: int) -> KpiDraft:
    return get_object_or_404(KpiDraft, pk=pk, author=request.user, kpi=None, is_dropped=False)


def _steps(draft: KpiDraft | None, current: Step | None) -> list[dict[str, Any]]:
    return [
        {
            "title": one.title,
            "url": reverse("kpis:new_step", args=[draft.pk, one.key]) if draft else "",
            "is_current": one is current,
            "is_done": bool(draft and one.key in draft.answers and one is not current),
        }
        for one in STEPS
    ]


def _part(draft: KpiDraft, step: Step, form: Any) -> dict[str, Any]:
    return {
        "title": step.title,
        "url": reverse("kpis:new_step", args=[draft.pk, step.key]),
        "lines": [(form[name].label, told) for name in form.fields if (told := _told(form, name))],
    }


def _told(form: Any, name: str) -> str:
    """Return an answer as it is read back: a choice by its words, a number as it is typed, a day in full."""
    value, field = form.cleaned_data.get(name), form.fields[name]
    if value in (None, "", False):
        return ""
    if hasattr(field, "choices") and not hasattr(field, "queryset"):
        return str(dict(field.choices).get(value, value))
    if isinstance(value, Decimal):
        return str(field.prepare_value(value))
    if isinstance(value, date):
        return day(value)
    return _("yes") if value is True else str(value)


def _unfinished(request: HttpRequest) -> list[dict[str, Any]]:
    drafts = KpiDraft.objects.filter(author=request.user, kpi=None)[:12]
    zone = timezone.get_current_timezone()
    return [
        {
            "draft": draft,
            "name": draft.answers.get("progress", {}).get("name") or _("KPI without a name yet"),
            "at": moment(draft.changed_at, zone),
            "url": reverse("kpis:new_step", args=[draft.pk, _reached(draft)]),
        }
        for draft in drafts
    ]


def _reached(draft: KpiDraft) -> str:
    return next((one.key for one in STEPS if one.key not in draft.answers), STEPS[-1].key)


def _token(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()


def _sheet_of(kpi: Kpi) -> str:
    return reverse("kpis:definition", args=[kpi.code])


def _go(url: str) -> HttpResponse:
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
