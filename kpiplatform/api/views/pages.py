"""The description of the interface, for people and for programs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from kpiplatform.api.documentation import operations
from kpiplatform.api.v1.app import PREFIX, description
from kpiplatform.api.v1.form import for_programs
from kpiplatform.api.v1.problems import Problem, answer
from kpiplatform.htmx import page


@require_safe
def documentation(request: HttpRequest) -> HttpResponse:
    """Show what programs can ask and how."""
    described = description()
    context = {
        "introduction": described["info"]["description"].splitlines(),
        "operations": operations(described),
        "address": f"{settings.BASE_URL}/{PREFIX}",
    }
    return page(request, "api/documentation.html", context, partial="body")


@login_not_required
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the interface as OpenAPI describes it: the same in every installation, with nothing of this one."""
    return JsonResponse(description())


@csrf_exempt
@for_programs
def unknown(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer every other address like a program expects it."""
    return answer(Problem(404, _("Not found"), _("There is no such address; /api/ describes those that there are.")))
