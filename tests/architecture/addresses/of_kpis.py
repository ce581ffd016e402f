"""The pages of KPIs, and who may write on them."""

from __future__ import annotations

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


def kpi(world: World, code: str) -> list[str]:
    return [code]


def week_of_kpi(world: World, code: str) -> list[str]:
    return [code, str(world.week.start)]


OF_THINGS = {
    "kpi": Address(args=kpi, answer=opened),
    "kpi_table": Address(args=kpi, answer=opened),
    "kpis:annotate": Address(args=kpi, answer=written_on, post={"day": "2026-01-05", "text": "A strike"}),
    "kpis:comment": Address(args=kpi, answer=written_on, post={"body": "Noted."}),
    "kpis:correct": Address(args=week_of_kpi, answer=changed, post={"value": "61", "seq": "1", "note": "typing error"}),
    "my:cell": Address(args=week_of_kpi, answer=changed, post={"value": "61", "seq": "1", "reason": "", "sure": "1"}),
}
OF_EVERYONE = {"home": 302, "scorecard": 200, "my:kpis": 200, "my:block": 302}
