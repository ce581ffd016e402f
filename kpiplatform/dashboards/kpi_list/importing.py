"""From the good lines of a list to KPIs and changes of them, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from kpiplatform.accounts.services import NotActive
from kpiplatform.audit.editing import ChangedMeanwhile, seen_as_read
from kpiplatform.dashboards.kpi_list.lines import Line, Wanted
from kpiplatform.dashboards.models import SentFile
from kpiplatform.dashboards.strategy.queries import active_plan
from kpis.domain.formula.errors import FormulaError
from kpis.formula_words import sentence
from kpis.models import Kpi
from kpis.services.aiming import set_aim
from kpis.services.defining import PEOPLE, SHEET, create_kpi, define, move_on, set_weight, staff, what_is_missing
from kpis.services.refusal import Refused
from kpis.services.rolling import rolled_up_together
from objectives.models import Objective
from objectives.queries import organisations_day
from objectives.services.strategy import add_objective

LEFT_OUT_SHOWN = 200


def import_lines(*, file: SentFile, lines: Sequence[Line], wanted: Wanted) -> SentFile:
    """Make the KPIs of the good lines, change those that exist, and note it on the file; a file is imported once.

    Raises Refused with a sentence that names the line; nothing was made or changed then.
    """
    now = wanted.now
    with transaction.atomic():
        row = SentFile.objects.select_for_update().get(pk=file.pk)
        if row.done_at is not None:
            return row
        made, active = _objectives(lines, wanted), 0
        new, changed = [line for line in lines if line.is_new], [line for line in lines if line.is_change]
        with rolled_up_together(now=now):
            for line in new:
                active += _import(line, made, wanted).status == Kpi.Status.ACTIVE
            for line in changed:
                _change(line, wanted)
        left_out = [line for line in lines if not line.is_good]
        row.done_at, row.sheets = now, {}
        row.outcome = {
            "made": len(new),
            "active": active,
            "changed": len(changed),
            "unchanged": len(lines) - len(new) - len(changed) - len(left_out),
            "refused": len(left_out),
            "objectives": len(made),
            "codes": [line.code for line in (*new, *changed)],
            "left_out": [[line.number, line.name, " ".join(line.refused)] for line in left_out[:LEFT_OUT_SHOWN]],
        }
        row.save(update_fields=["done_at", "outcome", "sheets"])
    return row


def _objectives(lines: Sequence[Line], wanted: Wanted) -> dict[str, Objective]:
    """Add the objectives that good lines name and nobody has, each once, owned by the owner of its first KPI."""
    made: dict[str, Objective] = {}
    plan = active_plan()
    for line in lines:
        key = line.new_objective.lower()
        if not line.is_new or not key or key in made:
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


def _import(line: Line, made: dict[str, Objective], wanted: Wanted) -> Kpi:
    now, by = wanted.now, wanted.by
    values = dict(line.values)
    if line.new_objective:
        values["objective_id"] = made[line.new_objective.lower()].pk
    values["position"] = Kpi.objects.filter(objective_id=values["objective_id"]).count() + 1
    assert line.owner is not None
    kpi = create_kpi(values=values | {"code": line.code}, owner=line.owner, by=by, now=now)
    set_weight(kpi=kpi, weight=1, effective_from=organisations_day(now), by=by, now=now)
    if line.proposal is not None:
        set_aim(kpi=kpi, proposal=line.proposal, reason="", by=by, now=now)
    if wanted.activate and not what_is_missing(kpi):
        return move_on(kpi=kpi, to=Kpi.Status.ACTIVE, by=by, now=now)
    return kpi


def _change(line: Line, wanted: Wanted) -> None:
    """Change a KPI as the line says. Raises Refused, also where somebody changed it since the line was read."""
    assert line.kpi is not None
    try:
        _define(line, line.kpi, wanted)
    except ChangedMeanwhile as error:
        why = error.sentence(wanted.now)
    except FormulaError as error:
        why = _("The calculation would not fit any more. %(why)s") % {"why": sentence(error)}
    except (NotActive, Refused) as error:
        why = str(error)
    else:
        return
    raise Refused(_("Line %(line)d, %(code)s: %(why)s") % {"line": line.number, "code": line.code, "why": why})


def _define(line: Line, kpi: Kpi, wanted: Wanted) -> None:
    now, by, day = wanted.now, wanted.by, wanted.effective_from
    staffed = seen_as_read(kpi, PEOPLE)
    if line.values:
        kpi = define(
            kpi=kpi,
            seen=seen_as_read(kpi, SHEET),
            values=line.values,
            effective_from=day,
            reason=wanted.reason,
            breaks_series=False,
            by=by,
            now=now,
        )
    if line.proposal is not None:
        set_aim(kpi=kpi, proposal=line.proposal, reason=wanted.reason, by=by, now=now)
    if line.owner is None or line.owner.pk == kpi.owner_id:
        return
    staff(
        kpi=kpi,
        seen=staffed,
        owner=line.owner,
        deputy=kpi.deputy,
        steward=kpi.steward,
        effective_from=min(day, wanted.today),
        reason=wanted.reason,
        by=by,
        now=now,
    )


def _free_slug(name: str) -> str:
    base = slugify(name)[:36].strip("-") or "objective"
    taken = set(Objective.objects.filter(code__startswith=base).values_list("code", flat=True))
    numbered = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(code for code in numbered if code not in taken)
