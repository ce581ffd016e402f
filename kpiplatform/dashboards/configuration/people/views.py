"""People: list, invitation, particulars and roles."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kpiplatform.accounts.models import User
from kpiplatform.accounts.replies import reply_in_words
from kpiplatform.accounts.services import edit_person, invite, send_invitation
from kpiplatform.accounts.services.inviting import NO_ANSWER
from kpiplatform.audit.editing import ChangedMeanwhile, refuse_as_changed
from kpiplatform.dashboards.configuration.bell import ring_invitations
from kpiplatform.dashboards.configuration.entry import admins_only, posted, today
from kpiplatform.dashboards.configuration.people.forms import InviteForm, PersonForm, RoleForm
from kpiplatform.dashboards.configuration.people.holdings import holdings
from kpiplatform.dashboards.configuration.people.queries import last_invitation, people, person_row, roles_of
from kpiplatform.htmx import changed, page
from kpiplatform.paging import slice_of
from kpis.dates import day, moment
from objectives.models import RoleAssignment
from objectives.queries import organisation
from objectives.services.refusal import Refused
from objectives.services.roles import end_installation_rights, end_role, give_role

LIST, INVITE, PERSON = (f"configuration/{name}.html" for name in ("people", "invite", "person"))
AT_ONCE = 100


@require_safe
@admins_only
def people_list(request: HttpRequest) -> HttpResponse:
    """Show who may sign in, or with ?closed=1 who may no longer."""
    closed, words = "closed" in request.GET, request.GET.get("q", "").strip()[:80]
    zone, found = timezone.get_current_timezone(), people(active=not closed, words=words)
    part = slice_of(found, order=("name", "pk"), after=request.GET.get("after", ""), size=AT_ONCE)
    kept = {"closed": "1" if closed else "", "q": words, "after": part.after}
    counted = {row["is_active"]: row["n"] for row in User.objects.values("is_active").annotate(n=Count("pk"))}
    context = {
        "rows": [person_row(person, today=today(), zone=zone) for person in part.rows],
        "closed": closed,
        "words": words,
        "present": counted.get(True, 0),
        "gone": counted.get(False, 0),
        "more": "?" + urlencode({name: word for name, word in kept.items() if word}) if part.after else "",
    }
    return page(request, LIST, context, partial="list")


@require_http_methods(["GET", "POST"])
@admins_only
def invite_person(request: HttpRequest) -> HttpResponse:
    """Make an account with a first role; the person chooses a password by a link in a mail."""
    form = InviteForm(posted(request), today=today(), time_zone=organisation().time_zone)
    person = _invited(form, request.user) if form.is_valid() else None
    if person is None:
        return page(request, INVITE, {"form": form}, partial="form", status=422 if form.is_bound else 200)
    return changed(
        request,
        INVITE,
        {"form": InviteForm(today=today(), time_zone=organisation().time_zone), "invited": person},
        partial="form",
        fact="person-invited",
        message=_("%(name)s is invited: the mail is on its way.") % {"name": person.name},
        to=reverse("configuration:person", args=[person.pk]),
    )


def _invited(form: InviteForm, by: User) -> User | None:
    said = form.cleaned_data
    try:
        with transaction.atomic():
            person = invite(
                email=said["email"], name=said["name"], time_zone=said["time_zone"], by=by, now=timezone.now()
            )
            give_role(
                person=person, unit=said["unit"], role=said["role"], valid_until=said["valid_until"], today=today()
            )
            transaction.on_commit(ring_invitations)
    except Refused as refused:
        form.add_error(None, str(refused))
    except IntegrityError:  # the same form, sent twice at once
        form.add_error("email", _("Somebody has this address already."))
    return None if form.errors else person


@require_http_methods(["GET", "POST"])
@admins_only
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a person; POST changes their particulars."""
    someone = get_object_or_404(User, pk=pk)
    form = PersonForm(posted(request), person=someone)
    if form.is_valid():
        said = form.cleaned_data
        try:
            someone = edit_person(
                person=someone, seen=said["seen"], name=said["name"], email=said["email"], time_zone=said["time_zone"]
            )
        except ChangedMeanwhile as conflict:
            refuse_as_changed(form, conflict, timezone.now())
        except IntegrityError:  # somebody was given this address a moment ago
            form.add_error("email", _("Somebody has this address already."))
        else:
            return _changed(request, someone, "person-changed", _("The particulars are saved."))
    return _page(request, someone, form=form)


@require_POST
@admins_only
def add_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person a role in a unit."""
    someone = get_object_or_404(User, pk=pk)
    form = RoleForm(request.POST, today=today())
    if form.is_valid():
        try:
            given = give_role(person=someone, today=today(), **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            words = {"role": given.get_role_display(), "unit": given.unit.name}
            return _changed(request, someone, "role-given", _("%(role)s in %(unit)s from now on.") % words)
    return _page(request, someone, role_form=form)


@require_POST
@admins_only
def drop_role(request: HttpRequest, pk: int, role: int) -> HttpResponse:
    """End a role of a person; role 0 is the right from the command line. One that is gone already is no matter."""
    someone = get_object_or_404(User, pk=pk)
    message = _("The role had ended already.")
    try:
        if role == 0:
            end_installation_rights(person=someone, today=today())
            message = _("%s has no rights from the command line any more.") % someone.name
        elif held := RoleAssignment.objects.select_related("unit").filter(pk=role, user=someone).first():
            end_role(assignment=held, today=today())
            words = {"role": held.get_role_display(), "unit": held.unit.name}
            message = _("%(role)s in %(unit)s has ended; give the role again to undo it.") % words
    except Refused as refused:
        return _page(request, someone, refused=str(refused))
    return _changed(request, someone, "role-ended", message)


@require_POST
@admins_only
def invite_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a person another link to choose a password."""
    someone = get_object_or_404(User, pk=pk, is_active=True)
    with transaction.atomic():
        send_invitation(person=someone, by=request.user, now=timezone.now())
        transaction.on_commit(ring_invitations)
    return _changed(request, someone, "person-invited", _("A new link is on its way to %s.") % someone.email)


def _context(someone: User, *, form: Any = None, role_form: Any = None, refused: str = "") -> dict[str, Any]:
    zone, invitation = timezone.get_current_timezone(), last_invitation(someone)
    return {
        "someone": someone,
        "form": form or PersonForm(person=someone),
        "role_form": role_form or RoleForm(today=today()),
        "refused": refused,
        "roles": [
            {
                "pk": role.pk,
                "name": role.get_role_display(),
                "unit": role.unit.name,
                "until": day(role.valid_until) if role.valid_until else "",
                "ended": role.valid_until is not None and role.valid_until < today(),
            }
            for role in roles_of(someone)
        ],
        "groups": holdings(someone),
        "last_login": moment(someone.last_login, zone) if someone.last_login else "",
        "invitation": invitation,
        "invited_at": moment(invitation.asked_at, zone) if invitation else "",
        "reply": reply_in_words(invitation.reply, marks=[NO_ANSWER]) if invitation else "",
    }


def _page(request: HttpRequest, someone: User, **said: Any) -> HttpResponse:
    status = 200 if request.method in {"GET", "HEAD"} else 422
    return page(request, PERSON, _context(someone, **said), partial="person", status=status)


def _changed(request: HttpRequest, someone: User, fact: str, message: str) -> HttpResponse:
    to = reverse("configuration:person", args=[someone.pk])
    return changed(request, PERSON, _context(someone), partial="person", fact=fact, message=message, to=to)
