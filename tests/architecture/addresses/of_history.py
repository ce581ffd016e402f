"""What became of recorded values: their versions, and requests to reopen what is locked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone

from kpiplatform.audit.models import AuditEntry
from kpis.domain.periods import Period
from kpis.models import MeasurementRevision, PeriodLock, PeriodReopening
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from tests.architecture.addresses import Address
from tests.architecture.addresses.of_kpis import changed
from tests.architecture.addresses.of_kpis import kpi as of_kpi
from tests.architecture.addresses.of_kpis import opened as opens_kpi
from tests.architecture.people_and_things import OPENS, ROLES, World, closed_weeks


def weeks(world: World) -> list[Period]:
    """Return the three weeks before the values of the small organisation begin, and those weeks."""
    return closed_weeks(world.moment, 12)


def furnish(world: World) -> None:
    """The first week is locked, the second is asked to be reopened, the sixth was corrected."""
    first, second, *_, corrected = weeks(world)[:6]
    by = world.people["admin"]
    said = {"locked_by": by, "locked_at": world.moment, "reason": "Quarter closed"}
    for calendar_id in {kpi.calendar_id for kpi in world.kpis.values()}:
        PeriodLock.objects.create(calendar_id=calendar_id, locked_until=first.end, **said)
    world.things["reopening"] = {
        key: PeriodReopening.objects.create(
            kpi=kpi, period_start=second.start, reason="Late records", requested_by=kpi.owner, requested_at=world.moment
        )
        for key, kpi in world.kpis.items()
    }
    record_measurements(
        readings=[
            Reading(kpi_id=kpi.pk, period_start=corrected.start, period_end=corrected.end, value=Decimal(83))
            for kpi in world.kpis.values()
        ],
        origin=Origin(kind="correction", note="late records", user_id=by.pk),
        now=world.moment - timedelta(hours=1),
    )


def reopening(world: World, key: str) -> list[int]:
    found = world.things["reopening"].get(key)
    return [found.pk if found else 0]


def opened(role: str, key: str) -> int:
    """Whoever runs or audits the unit opens a request, and whoever made it."""
    return 200 if role == "admin" or (key == "OURS" and role in {"manager", "owner", "auditor"}) else 404


def decided(role: str, key: str) -> int:
    """Nobody decides on their own request, as the owner made this one; auditors read."""
    return {("owner", "OURS"): 422, ("auditor", "OURS"): 403}.get((role, key), opened(role, key))


def written(role: str, code: str) -> int:
    """Whoever opens a KPI and may not change its values is refused."""
    return 403 if changed(role, code) != 200 and code in OPENS[role] else changed(role, code)


def tomorrow(world: World, key: str) -> dict[str, str]:
    return {"decision": "approve", "last_day": str(timezone.localdate() + timedelta(days=1))}


OF_THINGS = {
    "kpi_versions": Address(args=of_kpi, answer=opens_kpi),
    "kpis:bring_back": Address(
        args=lambda world, code: [code, str(weeks(world)[5].start), 1],
        answer=written,
        post={"note": "the first was right", "seq": "2"},
        counted=(MeasurementRevision,),
    ),
    "kpis:reopen": Address(
        args=lambda world, code: [code, str(weeks(world)[0].start)],
        answer=written,
        post={"reason": "Late records"},
        counted=(PeriodReopening,),
    ),
    "kpis:reopening": Address(args=reopening, answer=opened, post=tomorrow, post_answer=decided, counted=(AuditEntry,)),
}
OF_EVERYONE = {"kpis:reopenings": 200, "restatements": 200, "restatements_file": 200}
READS_TRAIL = {role: 200 if role in {"admin", "auditor"} else 404 for role in ROLES}
BY_ROLE = {"audit": READS_TRAIL, "audit_file": READS_TRAIL}
ARGUMENTS: dict[str, list[Any]] = {"kpis:reopening": ["1"], "kpis:bring_back": ["OURS", "2026-11-09", 1]}


def pages(world: World) -> Iterator[tuple[str, str, str]]:
    start = weeks(world)[5].start
    yield "a value that is read", "member", reverse("kpis:correct", args=["OURS", start])
    yield "a locked value", "owner", reverse("kpis:correct", args=["OURS", weeks(world)[0].start])
    yield "a version to bring back", "owner", reverse("kpis:bring_back", args=["OURS", start, 1])
    yield "a request to make", "owner", reverse("kpis:reopen", args=["OURS", weeks(world)[0].start])
    yield "versions of a definition", "member", reverse("kpi_versions", args=["OURS"])
    yield "audit trail, verified", "admin", f"{reverse('audit')}?verify=1"
    yield "audit trail of a unit", "auditor", reverse("audit")
    yield "restatements", "admin", reverse("restatements")
    yield "restatements of one KPI", "member", f"{reverse('restatements')}?kpi=OURS"
    yield "requests", "manager", reverse("kpis:reopenings")
    yield "requests of others", "member", reverse("kpis:reopenings")
    yield "a request to decide", "manager", reverse("kpis:reopening", args=reopening(world, "OURS"))
    yield "one's own request", "owner", reverse("kpis:reopening", args=reopening(world, "OURS"))


def refused(world: World) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    address = reverse("kpis:reopening", args=reopening(world, "OURS"))
    yield "an approval without a day", "manager", address, {"decision": "approve", "last_day": ""}
    yield "an approval that is too long", "manager", address, {"decision": "approve", "last_day": "2099-01-01"}
    yield "a rejection without a reason", "manager", address, {"decision": "reject", "rejection": ""}
    yield "a request without a reason", "owner", reverse("kpis:reopen", args=["OURS", weeks(world)[0].start]), {}
