"""What people set for themselves."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from kpiplatform.accounts.models import User


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme a person chose and go back to the page they came from."""
    theme = request.POST.get("theme", "")
    if theme not in User.Theme.values:
        return HttpResponseBadRequest("There is no such theme.")
    User.objects.filter(pk=request.user.pk).update(theme=theme)
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    response = HttpResponseRedirect(back)
    response.status_code = 303
    return response
