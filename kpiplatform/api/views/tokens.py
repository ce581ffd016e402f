"""Tokens: everybody their own, admins also those of others; the secret is shown once."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kpiplatform.api.forms import TokenForm
from kpiplatform.api.models import ApiToken
from kpiplatform.api.queries import tokens_visible_to
from kpiplatform.api.services.tokens import give_token, revoke_token
from kpiplatform.dashboards.kpi_setup.queries import named
from kpiplatform.htmx import changed, page
from kpis.dates import day, moment
from kpis.queries import kpis_visible_to

TEMPLATE, NAMED = "api/tokens.html", "dashboards/kpi_setup/_named.html"


@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Show the tokens; POST makes one and shows its secret in the answer, which no page can show again."""
    now, today = timezone.now(), timezone.localdate()
    form = TokenForm(request.POST if request.method == "POST" else None, user=request.user, today=today)
    if not form.is_valid():
        return page(request, TEMPLATE, _context(request, form), partial="tokens", status=422 if form.is_bound else 200)
    said = form.cleaned_data
    given = give_token(
        form=said["form"],
        user=request.user,
        name=said["name"],
        may_read=said["may_read"],
        may_ingest=said.get("may_ingest", False),
        kpis=said["kpis"],
        units=said["units"],
        expires_at=_end_of(said["last_day"]),
        now=now,
    )
    fresh = TokenForm(user=request.user, today=today)
    context = _context(request, fresh) | {"given": given}
    response = page(request, TEMPLATE, context, partial="tokens", status=201 if given.secret else 200)
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def named_kpis(request: HttpRequest) -> HttpResponse:
    """Suggest KPIs for the last of the codes that are typed; what stands before it stays."""
    before, comma, typed = request.GET.get("kpis", "").rpartition(",")
    kept = f"{before.strip()}, " if comma else ""
    found = named(typed, among=kpis_visible_to(request.user, today=timezone.localdate()))
    return page(request, NAMED, {"found": [(kept + code, kept + words) for code, words in found]}, partial="named")


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a token open nothing any more."""
    now, today = timezone.now(), timezone.localdate()
    token = get_object_or_404(tokens_visible_to(request.user, today=today), pk=pk)
    revoke_token(token=token, by=request.user, now=now)
    return changed(
        request,
        TEMPLATE,
        _context(request, TokenForm(user=request.user, today=today)),
        partial="tokens",
        fact="token-revoked",
        message=_("“%(name)s” opens nothing any more.") % {"name": token.name},
        to=reverse("api:tokens"),
    )


def _end_of(last_day: Any) -> datetime:
    return datetime.combine(last_day + timedelta(days=1), time.min, timezone.get_current_timezone())


def _context(request: HttpRequest, form: TokenForm) -> dict[str, Any]:
    rows = tokens_visible_to(request.user, today=timezone.localdate())
    return {"form": form, "rows": [_row(token, request) for token in rows]}


def _row(token: ApiToken, request: HttpRequest) -> dict[str, Any]:
    now, zone = timezone.now(), timezone.get_current_timezone()
    scopes = [label for label, given in ((_("read"), token.may_read), (_("push"), token.may_ingest)) if given]
    where = [unit.name for unit in token.units.all()] + [kpi.name for kpi in token.kpis.all()]
    if token.revoked_at:
        words = {"who": token.revoked_by, "day": day(token.revoked_at.astimezone(zone).date())}
        state = _("revoked by %(who)s on %(day)s") % words
    else:
        last = day((token.expires_at - timedelta(seconds=1)).astimezone(zone).date())
        state = (_("until %(day)s") if token.expires_at > now else _("over since %(day)s")) % {"day": last}
    used = token.key.last_used_at
    return {
        "token": token,
        "scopes": ", ".join(scopes),
        "where": ", ".join(where) or _("all that the person may open"),
        "state": state,
        "used": moment(used, zone) if used else _("never"),
        "is_open": not token.revoked_at and token.expires_at > now,
        "is_own": token.user_id == request.user.pk,
    }
