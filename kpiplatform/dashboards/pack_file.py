"""The pack of a review as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from kpiplatform.dashboards.taking import note_taken
from reviews.domain.frozen import canonical
from reviews.models import Pack
from reviews.queries import organisation_zone, reviews_visible_to


@require_safe
def pack_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the frozen content as the bytes whose SHA-256 the pack names."""
    today = timezone.now().astimezone(organisation_zone()).date()
    visible = reviews_visible_to(request.user, today=today).select_related("forum")
    its = get_object_or_404(visible, pk=pk)
    frozen = get_object_or_404(Pack, review=its)
    name = f"pack-{its.forum.code}-{its.held_on}.json"
    note_taken(request, name=name, rows=len(frozen.content["kpis"]))
    response = HttpResponse(canonical(frozen.content), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
