"""What forums decided and asked for about an initiative."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from initiatives.queries import initiatives_visible_to
from kpiplatform.htmx import page
from reviews.queries import actions_visible_to, decisions_visible_to
from reviews.rows import action_row, decision_row
from reviews.views.viewing import viewer_of


@require_safe
def of_initiative(request: HttpRequest, code: str) -> HttpResponse:
    """List decisions and actions about an initiative, as far as the reader may open them; its page fetches the list."""
    viewer = viewer_of(request, timezone.now())
    initiative = get_object_or_404(initiatives_visible_to(viewer.user, today=viewer.today), code=code)
    decisions = decisions_visible_to(viewer.user, today=viewer.today).filter(initiative=initiative)
    actions = actions_visible_to(viewer.user, today=viewer.today).filter(initiative=initiative)
    with_decisions = decisions.select_related("owner", "forum", "kpi", "objective", "initiative")
    with_actions = actions.select_related("owner", "review__forum", "kpi", "initiative")
    context = {
        "initiative": initiative,
        "decisions": [decision_row(row, viewer) for row in with_decisions],
        "actions": [action_row(row, viewer) for row in with_actions],
    }
    return page(request, "reviews/of_initiative.html", context, partial="lists")
