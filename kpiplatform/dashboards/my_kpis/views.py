"""The owner's page, the form of one cell, and a grid sent whole."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import trigger_client_event

from kpiplatform.dashboards.my_kpis import answers, pasting, presenter, queries, saving
from kpiplatform.dashboards.my_kpis.choice import Choice
from kpiplatform.dashboards.my_kpis.forms import REASON_LENGTH, CellForm
from kpiplatform.dashboards.my_kpis.saving import Saved, Typed
from kpiplatform.dashboards.my_kpis.sheet import Key, Viewer, place_of, title_of
from kpiplatform.dashboards.my_kpis.slots import Slot
from kpiplatform.htmx import changed, page, wants_partial
from kpis.domain.days import day_named
from kpis.models import Kpi
from kpis.readings import Conflict, PeriodLocked
from kpis.services.entry import take_back
from kpis.services.keeping import drop_kept
from kpis.services.proposing import AlreadyDecided, withdraw

PAGE = "dashboards/my_kpis.html"
CELL = "dashboards/my_kpis_cell.html"
PASTE = "dashboards/my_kpis_paste.html"
FACT = "measurement-recorded"
REFUSED = 422
LONGEST = 64  # characters of a number; more is none


@require_safe
def my_kpis(request: HttpRequest) -> HttpResponse:
    """Show what the person does first and the values of their KPIs; htmx reads the to-do list alone."""
    viewer = presenter.viewer_of(request)
    kpis = list(queries.own_kpis(viewer.user, now=viewer.now, today=viewer.today))
    if wants_partial(request):
        return page(request, PAGE, presenter.todo_only(kpis, viewer), partial="todo")
    return page(request, PAGE, presenter.whole_page(kpis, viewer, {}, Choice.of(request.GET)), partial="todo")


@require_http_methods(["GET", "HEAD", "POST"])
def cell(request: HttpRequest, code: str, period_start: str) -> HttpResponse:
    """Show the form of one value; POST stores it, from that form or from its cell in the grid."""
    viewer = presenter.viewer_of(request)
    slot = _slot_or_404(viewer, code, period_start)
    if request.method != "POST":
        starts_as = {"not_applicable": True} if "not_applicable" in request.GET else {}
        form = CellForm(slot=slot, viewer=viewer, starts_as=starts_as)
        return render(request, CELL, answers.form_page(slot, form, viewer))
    if "take" in request.POST:
        return _let_go(request, slot, viewer)
    if "undo" in request.POST or "withdraw" in request.POST:
        return _taken_back(request, slot, viewer)
    return _from_grid(request, slot, viewer) if wants_partial(request) else _from_form(request, slot, viewer)


@require_http_methods(["GET", "HEAD", "POST"])
def block(request: HttpRequest) -> HttpResponse:
    """Store a grid sent whole: what can be stored is, what cannot stays as it was typed and is listed.

    With `preview` nothing is stored: the answer says what would become of each value.
    """
    if request.method != "POST":
        return redirect("my:kpis")
    viewer, choice = presenter.viewer_of(request), Choice.of(request.GET)
    kpis = list(queries.own_kpis(viewer.user, now=viewer.now, today=viewer.today))
    typed = _typed_in_grid(request, kpis, viewer)
    if "preview" in request.POST:
        return page(request, PASTE, pasting.preview(typed, request.POST.getlist("left"), viewer), partial="preview")
    saved = saving.save_typed(typed, viewer)
    count, message = len(saved.stored), _counted(saved)
    if not wants_partial(request):
        if not saved.attempts:
            return changed(
                request, PAGE, partial="todo", fact=FACT, message=message, to=reverse("my:kpis") + choice.query
            )
        # Read anew: a stored value may have changed what is to be done.
        kpis = list(queries.own_kpis(viewer.user, now=viewer.now, today=viewer.today))
        context = presenter.whole_page(kpis, viewer, saved.attempts, choice)
        return render(request, PAGE, context, status=REFUSED)
    concerned = {key[0] for key in saved.keys}
    context = answers.cells([kpi for kpi in kpis if kpi.pk in concerned], viewer, saved)
    response = page(request, CELL, context, partial="answer", status=REFUSED if saved.attempts else 200)
    return trigger_client_event(response, FACT, {"message": message}) if count else response


def _from_grid(request: HttpRequest, slot: Slot, viewer: Viewer) -> HttpResponse:
    """Store what was typed into one cell and answer with the cell."""
    typed = _typed(request, slot)
    saved = saving.save_typed([typed], viewer)
    if saved.attempts:
        context = answers.cells([slot.kpi], viewer, saved, main=slot.key)
        return page(request, CELL, context, partial="answer", status=REFUSED)
    if not saved.stored:
        return _let_go(request, slot, viewer)
    return _stored(request, slot, viewer)


def _from_form(request: HttpRequest, slot: Slot, viewer: Viewer) -> HttpResponse:
    """Store what the form says and lead back to the grid; else show the form again with all that was typed."""
    form = CellForm(slot=slot, viewer=viewer, data=request.POST)
    conflict = None
    form.keep_unexplained(now=viewer.now)
    if form.is_valid() and not form.doubt:
        try:
            form.save(now=viewer.now)
            return _stored(request, slot, viewer)
        except Conflict as error:
            slot = _slot_or_404(viewer, slot.kpi.code, str(slot.period.start))
            conflict = saving.conflict(slot, form.typed_text(), viewer, proposed_id=error.proposed_id)
        except PeriodLocked:
            form.add_error(None, _("The period was locked meanwhile: nothing was saved. Ask to reopen it."))
    return render(request, CELL, answers.form_page(slot, form, viewer, conflict=conflict), status=REFUSED)


def _taken_back(request: HttpRequest, slot: Slot, viewer: Viewer) -> HttpResponse:
    """Bring back the value before one's own latest change, or take back one that waits; if it is gone, show what is."""
    try:
        if slot.waiting is not None and request.POST.get("withdraw") == str(slot.waiting.pk):
            withdraw(proposed_id=slot.waiting.pk, user=viewer.user, now=viewer.now)
            message = _("%(cell)s: the value that waited is taken back.") % {"cell": title_of(slot)}
            return _stored(request, slot, viewer, message=message)
        seq = _whole(request.POST.get("undo", ""))
        take_back(kpi=slot.kpi, period_start=slot.period.start, seq=seq, user=viewer.user, now=viewer.now)
    except AlreadyDecided:
        return _shown(request, slot, viewer)
    except PeriodLocked:
        message = _("%(cell)s: nothing was taken back, because the period was locked meanwhile.")
        return _shown(request, slot, viewer, message=message % {"cell": title_of(slot)})
    except Conflict as conflict:
        latest = queries.values_at_revision([(*slot.key, conflict.seq)]).get(slot.key)
        if latest is None or latest.recorded_by_id == viewer.user.pk:  # pressed twice
            return _shown(request, slot, viewer)
        message = _("%(cell)s: nothing was taken back, because somebody else has changed the value since.")
        return _shown(request, slot, viewer, message=message % {"cell": title_of(slot)})
    return _stored(request, slot, viewer)


def _counted(saved: Saved) -> str:
    """Say how many values of a grid were stored, and how many of them wait for approval."""
    said, count = [], len(saved.stored) - saved.waiting
    if count:
        said.append(ngettext("%(n)s value saved.", "%(n)s values saved.", count) % {"n": count})
    if saved.waiting:
        many = ngettext("%(n)s waits for approval.", "%(n)s wait for approval.", saved.waiting)
        said.append(many % {"n": saved.waiting})
    return " ".join(said)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _stored(request: HttpRequest, slot: Slot, viewer: Viewer, *, message: str = "") -> HttpResponse:
    """Say what was done about a value: the cell for htmx, the grid for others."""
    context = answers.cells([slot.kpi], viewer, Saved(stored=(slot.key,)), main=slot.key)
    after = presenter.slot_of(slot.kpi, slot.period.start, viewer) or slot
    message = message or answers.said(slot, after, viewer)
    return changed(request, CELL, context, partial="answer", fact=FACT, message=message, to=answers.back_to(slot))


def _let_go(request: HttpRequest, slot: Slot, viewer: Viewer) -> HttpResponse:
    """Show the cell as it stands: what was typed into it is not wanted any more, nor what was kept of it."""
    drop_kept(keys=[slot.key], user=viewer.user)
    return _shown(request, slot, viewer)


def _shown(request: HttpRequest, slot: Slot, viewer: Viewer, *, message: str = "") -> HttpResponse:
    """Show the cell as it stands now, and say why nothing was written where it should have been."""
    if not wants_partial(request):
        if message:
            messages.warning(request, message)
        return redirect(answers.back_to(slot))
    context = answers.cells([slot.kpi], viewer, Saved(passed_by=(slot.key,)), main=slot.key)
    response = page(request, CELL, context, partial="answer")
    return trigger_client_event(response, "nothing-taken-back", {"message": message}) if message else response


def _slot_or_404(viewer: Viewer, code: str, period_start: str) -> Slot:
    """Return the period of a KPI that the person may change; anyone else's does not exist."""
    kpi = get_object_or_404(queries.editable_kpis(viewer.user, now=viewer.now, today=viewer.today), code=code)
    start = day_named(period_start)
    slot = presenter.slot_of(kpi, start, viewer) if start is not None else None
    if slot is None:
        raise Http404
    return slot


def _typed(request: HttpRequest, slot: Slot) -> Typed:
    """Return what came from one cell: its field in the grid is named after it, a form below it names plain fields."""
    said = request.POST
    name = next((name for name in said if name.startswith(f"{slot.kpi.code}@{slot.period.start}@")), "")
    seq = name.rpartition("@")[2] or said.get("seq", "")
    return Typed(
        slot=slot,
        text=said.get(name or "value", "")[:LONGEST],
        seq=_whole(seq),
        note=said.get("reason", "").strip()[:REASON_LENGTH],
        sure="sure" in said,
        final="final" in said,
        told=saving.told_in(said),
        seen_proposed=_whole(said.get("proposed", "")),
    )


def _typed_in_grid(request: HttpRequest, kpis: Sequence[Kpi], viewer: Viewer) -> list[Typed]:
    """Return what came from each field of a grid; what is no field of the person's grid is passed over.

    Fields of a grid that was opened before a lock are among them: what was typed there is answered. Those that are
    named `final`, too, are provisional values that are confirmed.
    """
    by_code = {kpi.code: kpi for kpi in kpis}
    named: dict[Key, tuple[str, int]] = {}
    for name, text in request.POST.items():
        place, _at, seq = name.rpartition("@")
        code, _at, day = place.partition("@")
        if code in by_code and seq.isdecimal() and (start := day_named(day)) is not None:
            named[by_code[code].pk, start] = (text, _whole(seq))
    concerned = [kpi for kpi in kpis if any(kpi.pk == kpi_id for kpi_id, _start in named)]
    slots = {slot.key: slot for line in presenter.lines_of(concerned, viewer, also=named) for slot in line.slots}
    confirmed = set(request.POST.getlist("final"))
    return [
        Typed(slot=slots[key], text=text[:LONGEST], seq=seq, final=place_of(slots[key], seq) in confirmed)
        for key, (text, seq) in named.items()
        if key in slots
    ]
