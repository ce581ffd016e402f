"""The calendar of one person: its secret address, and what calendar programs read there."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from kpiplatform.htmx import changed, page
from objectives.queries import organisation
from reviews.domain.icalendar import calendar_text
from reviews.feeds import events_of
from reviews.services.calendar_feeds import calendar_token, person_of_calendar, renew_calendar, stop_calendar


@require_http_methods(["GET", "POST"])
def address(request: HttpRequest) -> HttpResponse:
    """Show the address of one's calendar; POST makes a new one, or with stop=1 takes it away."""
    if request.method == "POST":
        if request.POST.get("stop"):
            stop_calendar(user=request.user)
            said = _("Your calendar address opens nothing any more.")
        else:
            renew_calendar(user=request.user, now=timezone.now())
            said = _("This is your calendar address. An earlier one opens nothing any more.")
        return changed(
            request, "reviews/calendar.html", _context(request), partial="body", fact="calendar-renewed", message=said
        )
    return page(request, "reviews/calendar.html", _context(request), partial="body")


@login_not_required
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Return the meetings of the person whose calendar the token opens, as it may be seen today.

    Calendar programs can't sign in: whoever has the address reads it, so it names no figure and no decision.
    """
    person = person_of_calendar(token=token)
    if person is None:
        raise Http404
    now = timezone.now()
    name = _("Reviews, %(organisation)s") % {"organisation": organisation().name}
    text = calendar_text(events_of(person, now=now), name=name, stamp=now)
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="reviews.ics"'
    response["Cache-Control"] = "private, no-cache"
    return response


def _context(request: HttpRequest) -> dict[str, str]:
    token = calendar_token(user=request.user)
    return {"address": f"{settings.BASE_URL}{reverse('reviews:calendar', args=[token])}" if token else ""}
