"""The pages of KPIs, and who may write on them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core import signing
from django.urls import reverse

from kpiplatform.audit.editing import seen
from kpiplatform.audit.models import AuditEntry
from kpis.models import Annotation, Commentary, ProposedValue
from kpis.views.annotations import SALT
from tests.architecture.addresses import Address
from tests.architecture.people_and_things import CHANGES, OPENS, READS_ONLY, World


def opened(role: str, code: str) -> int:
    return 200 if code in OPENS[role] else 404


def written_on(role: str, code: str) -> int:
    """Whoever opens a KPI may write about it, but for those who only read."""
    if code not in OPENS[role]:
        return 404
    return 403 if role in READS_ONLY else 200


def changed(role: str, code: str) -> int:
    return 200 if code in CHANGES.get(role, set()) else 404


def corrected(role: str, code: str) -> int:
    """Whoever opens a KPI reads the versions of its values; changing them is for those who answer for it.

    Who belongs to its unit proposes others.
    """
    if role in {"manager", "member"}:
        return opened(role, code)
    return 403 if changed(role, code) != opened(role, code) else opened(role, code)


def drilled(role: str, code: str) -> int:
    """The rows are read by administrators, the owner of the source (the member), and those who answer for the KPI."""
    return opened(role, code) if role in {"admin", "owner", "manager", "member"} else 404


def kpi(world: World, code: str) -> list[str]:
    return [code]


def week_of_kpi(world: World, code: str) -> list[str]:
    return [code, str(world.week.start)]


def furnish(world: World) -> None:
    """A value that waits for the owner of OURS."""
    week = world.week
    ProposedValue.objects.create(
        kpi=world.kpis["OURS"],
        period_start=week.end,
        period_end=week.end + (week.end - week.start),
        value=Decimal(70),
        state="provisional",
        kind="manual",
        entered_by=world.people["admin"],
        entered_at=world.moment,
    )
    world.things["note"] = {note.kpi.code: note for note in Annotation.objects.select_related("kpi")}


def note(world: World, code: str) -> list[Any]:
    found = world.things["note"].get(code)
    return [code, found.pk if found else 0]


def own_note(role: str, code: str) -> int:
    """A note is changed by its author, who is the owner of the KPI, and by administrators."""
    if written_on(role, code) != 200:
        return written_on(role, code)
    return 200 if changed(role, code) == 200 else 403


def restored(role: str, code: str) -> int:
    """What was removed is put back by those who could remove it; for others it is not there."""
    return 404 if written_on(role, code) == 200 != own_note(role, code) else written_on(role, code)


def a_change(world: World, code: str) -> dict[str, str]:
    return {"day": "2026-01-05", "text": "A strike", "seen": seen(world.things["note"][code])}


def a_removed_note(world: World, code: str) -> dict[str, str]:
    kpi = world.kpis[code]
    kept = {"start": "2026-01-05", "end": "2026-01-06", "text": "Gone", "author": kpi.owner_id, "at": str(world.moment)}
    return {"removed": signing.dumps(kept, salt=f"{SALT} {kpi.pk}", compress=True)}


def unread(role: str, code: str) -> int:
    """Whoever may read the rows is told that their source cannot be read."""
    return 424 if drilled(role, code) == 200 else drilled(role, code)


def never_read(role: str, code: str) -> int:
    return 405


OF_THINGS = {
    "kpi": Address(args=kpi, answer=opened),
    "kpi_table": Address(args=kpi, answer=opened),
    "kpi_over_time": Address(args=kpi, answer=opened),
    "kpi_rows": Address(args=week_of_kpi, answer=drilled),
    "kpi_rows_file": Address(args=week_of_kpi, answer=unread),
    "kpis:explained": Address(args=kpi, answer=opened),
    "kpis:annotate": Address(args=kpi, answer=written_on, post={"day": "2026-01-05", "text": "A strike"}),
    "kpis:comment": Address(args=kpi, answer=written_on, post={"body": "Noted."}),
    "kpis:annotation": Address(args=note, answer=own_note, post=a_change),
    "kpis:remove_note": Address(
        args=note, answer=never_read, post={"sure": "1"}, post_answer=own_note, counted=(AuditEntry,)
    ),
    "kpis:restore_note": Address(args=kpi, answer=never_read, post=a_removed_note, post_answer=restored),
    "kpis:nameable": Address(args=kpi, answer=written_on),
    "kpis:correct": Address(
        args=week_of_kpi,
        answer=opened,
        post={"value": "61", "seq": "1", "note": "typing error"},
        post_answer=corrected,
    ),
    "my:cell": Address(args=week_of_kpi, answer=changed, post={"value": "61", "seq": "1", "reason": "", "sure": "1"}),
}
OF_EVERYONE = {"home": 302, "scorecard": 200, "my:kpis": 200, "my:block": 302, "my:approvals": 200}
ARGUMENTS = {"kpis:annotation": ["OURS", "1"], "kpis:remove_note": ["OURS", "1"]}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    address = reverse("kpis:annotation", args=note(world, "OURS"))
    yield "a note to change", "owner", address
    entry = Commentary.objects.get(kpi=world.kpis["OURS"])
    yield "rows", "owner", reverse("kpi_rows", args=week_of_kpi(world, "OURS"))
    yield "an answer", "member", reverse("kpis:comment", args=["OURS"]) + f"?answers={entry.pk}"
    yield "scorecard beside a source that fails", "admin", reverse("scorecard")
    yield "values to approve", "owner", reverse("my:approvals")
    yield "no value to approve", "member", reverse("my:approvals")
    yield "a cell whose value waits", "owner", reverse("my:cell", args=["OURS", str(world.week.end)])
    yield "a note on a day", "member", reverse("kpis:annotate", args=["OURS"]) + "?day=2026-01-05"


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    address = reverse("kpis:annotation", args=note(world, "OURS"))
    yield "a note without words", "owner", address, {"day": "", "text": ""}
    yield "nothing to approve chosen", "owner", reverse("my:approvals"), {"decision": "approve"}
    yield "rejected without a reason", "owner", reverse("my:approvals"), {"decision": "reject", "chosen": "1@0"}
    yield "a note changed meanwhile", "owner", address, {"day": "2026-01-05", "text": "x", "seen": "other"}
