"""From the good lines of a list to KPIs, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.text import slugify

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_list.lines import Line, Wanted, aim_of
from kpiplatform.dashboards.models import SentFile
from kpiplatform.dashboards.strategy.queries import active_plan
from kpis.domain.replay import Proposal
from kpis.models import Kpi
from kpis.services.aiming import set_aim
from kpis.services.defining import create_kpi, move_on, set_weight, what_is_missing
from objectives.models import Objective
from objectives.queries import organisations_day
from objectives.services.strategy import add_objective

LEFT_OUT_SHOWN = 200


def import_lines(*, file: SentFile, lines: Sequence[Line], wanted: Wanted, by: User) -> SentFile:
    """Make the KPIs of the good lines and note it on the file; a file is imported once.

    Raises NotActive or Refused with a sentence; nothing was made then.
    """
    now = wanted.now
    with transaction.atomic():
        row = SentFile.objects.select_for_update().get(pk=file.pk)
        if row.done_at is not None:
            return row
        made, active = _objectives(lines, wanted), 0
        good = [line for line in lines if line.is_good]
        for line in good:
            active += _import(line, made, wanted, by).status == Kpi.Status.ACTIVE
        row.done_at, row.sheets = now, {}
        row.outcome = {
            "made": len(good),
            "active": active,
            "refused": len(lines) - len(good),
            "objectives": len(made),
            "codes": [line.code for line in good],
            "left_out": [[line.number, line.name, " ".join(line.refused)] for line in lines if not line.is_good][
                :LEFT_OUT_SHOWN
            ],
        }
        row.save(update_fields=["done_at", "outcome", "sheets"])
    return row


def _objectives(lines: Sequence[Line], wanted: Wanted) -> dict[str, Objective]:
    """Add the objectives that good lines name and nobody has, each once, owned by the owner of its first KPI."""
    made: dict[str, Objective] = {}
    plan = active_plan()
    for line in lines:
        key = line.new_objective.lower()
        if not line.is_good or not key or key in made:
            continue
        assert plan is not None
        assert line.owner is not None
        values = {
            "code": _free_slug(line.new_objective),
            "name": line.new_objective,
            "perspective_id": wanted.perspective_id,
            "unit_id": line.values["unit_id"],
            "parent_id": None,
        }
        made[key] = add_objective(plan=plan, values=values, owner=line.owner, now=wanted.now)
    return made


def _import(line: Line, made: dict[str, Objective], wanted: Wanted, by: User) -> Kpi:
    now = wanted.now
    values = dict(line.values)
    if line.new_objective:
        values["objective_id"] = made[line.new_objective.lower()].pk
    values["position"] = Kpi.objects.filter(objective_id=values["objective_id"]).count() + 1
    assert line.owner is not None
    kpi = create_kpi(values=values | {"code": line.code}, owner=line.owner, by=by, now=now)
    set_weight(kpi=kpi, weight=1, effective_from=organisations_day(now), by=by, now=now)
    if line.target is not None:
        target, threshold = aim_of(line, wanted)
        proposal = Proposal(effective_from=target.effective_from, target=target, threshold=threshold)
        set_aim(kpi=kpi, proposal=proposal, reason="", by=by, now=now)
    if wanted.activate and not what_is_missing(kpi):
        return move_on(kpi=kpi, to=Kpi.Status.ACTIVE, by=by, now=now)
    return kpi


def _free_slug(name: str) -> str:
    base = slugify(name)[:36].strip("-") or "objective"
    taken = set(Objective.objects.filter(code__startswith=base).values_list("code", flat=True))
    numbered = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(code for code in numbered if code not in taken)
