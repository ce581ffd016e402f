"""From chosen figures and groups to KPIs that the source feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_new.finishing import free_code
from kpiplatform.dashboards.models import SourceSetup
from kpis.domain.limits import TargetRow, ThresholdRow
from kpis.domain.replay import Proposal
from kpis.models import Kpi
from kpis.queries import calendars_of_units
from kpis.services.aiming import set_aim
from kpis.services.connecting import Change, Feed, fed_otherwise, feed
from kpis.services.defining import create_kpi, move_on, set_weight
from kpis.sources.measures import Measure
from objectives.models import Unit

# How the periods of a figure make longer ones; a figure that isn't here does not roll up.
OVER_TIME = {
    "count": "sum",
    "sum": "sum",
    "mean": "average",
    "min": "min",
    "max": "max",
    "first": "first",
    "last": "last",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One KPI that the source is to feed: an existing one by its id, or a new one by its name."""

    measure: Measure
    group: str | int | float | None
    kpi_id: int | None
    name: str
    common: dict[str, Any]

    @property
    def spec(self) -> dict[str, Any]:
        return self.measure.mapping(self.group)


def wanted(setup: SourceSetup) -> Iterator[Wanted]:
    """Return every KPI that was chosen, figure by figure."""
    for entry in setup.measures:
        measure = Measure.stored(entry["measure"])
        for chosen in entry.get("assigned", []):
            yield Wanted(
                measure=measure,
                group=chosen["group"],
                kpi_id=chosen.get("kpi"),
                name=chosen.get("new", ""),
                common=_common(entry, chosen),
            )


def turned(setup: SourceSetup) -> list[Kpi]:
    """Return the chosen KPIs that exist and have their values in another way so far."""
    chosen = [one for one in wanted(setup) if one.kpi_id is not None]
    kpis = Kpi.objects.in_bulk([one.kpi_id for one in chosen])
    return fed_otherwise([Feed(kpi=kpis[one.kpi_id], spec=one.spec) for one in chosen if one.kpi_id in kpis])


def connect(*, setup: SourceSetup, change: Change, by: User, today: date, now: datetime) -> int:
    """Make the new KPIs and let the source feed all chosen ones; return for how many that is new or changed.

    `change` is for those that had their values in another way. Sent twice it makes each KPI once. Raises NotActive,
    Refused or FedElsewhere with a sentence; nothing was made then.
    """
    with transaction.atomic():
        row = SourceSetup.objects.select_for_update(of=("self",)).select_related("source").get(pk=setup.pk)
        feeds = []
        for entry in row.measures:
            measure = Measure.stored(entry["measure"])
            for chosen in entry.get("assigned", []):
                if "kpi" not in chosen:
                    kpi = _new_kpi(measure, chosen.pop("new"), _common(entry, chosen), by, today, now)
                    chosen["kpi"] = kpi.pk
                kpi = Kpi.objects.get(pk=chosen["kpi"])
                feeds.append(Feed(kpi=kpi, spec=measure.mapping(chosen["group"])))
        changed = feed(source=row.source, feeds=feeds, change=change, by=by, now=now)
        row.save(update_fields=["measures"])
    return changed


def _common(entry: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what new KPIs of a figure have in common, with the unit of the one that was chosen."""
    own = {"unit": chosen["unit"]} if "unit" in chosen else {}
    return {**entry.get("common", {}), **own}


def _new_kpi(measure: Measure, name: str, common: dict[str, Any], by: User, today: date, now: datetime) -> Kpi:
    goal, red_flag = (Decimal(common[key]) if common.get(key) else None for key in ("goal", "red_flag"))
    is_ratio = measure.denominator is not None
    values = {
        "code": free_code(name, ""),
        "name": name,
        "objective_id": common["objective"],
        "unit_id": common["unit"],
        "calendar": calendars_of_units(Unit.objects.filter(pk=common["unit"]))[common["unit"]],
        "position": Kpi.objects.filter(objective=common["objective"]).count() + 1,
        "measure_unit": common.get("measure_unit") or "",
        "decimals": common.get("decimals") or 0,
        "polarity": _polarity(goal, red_flag),
        "tier": Kpi.Tier.OPERATIONAL,
        "indicator_type": Kpi.IndicatorType.LAGGING,
        "frequency": common["frequency"],
        "time_aggregation": "ratio_of_sums" if is_ratio else OVER_TIME.get(measure.numerator.agg, "none"),
        "ratio_factor": Decimal(measure.factor),
        "entry": Kpi.Entry.SOURCE,
        "active_from": today,
        "review_by": today + timedelta(days=365),
    }
    kpi = create_kpi(values=values, owner=User.objects.get(pk=common["owner"]), by=by, now=now)
    set_weight(kpi=kpi, weight=Decimal(1), effective_from=today, by=by, now=now)
    if goal is not None and red_flag is not None:
        target = TargetRow(effective_from=date.min, recorded_at=now, value=goal)
        threshold = ThresholdRow(effective_from=date.min, recorded_at=now, mode="absolute", red_flag=red_flag)
        proposal = Proposal(effective_from=date(today.year - 5, 1, 1), target=target, threshold=threshold)
        set_aim(kpi=kpi, proposal=proposal, reason=name[:200], by=by, now=now)
    return move_on(kpi=kpi, to=Kpi.Status.ACTIVE, by=by, now=now, reason=name)


def _polarity(goal: Decimal | None, red_flag: Decimal | None) -> str:
    if goal is None or red_flag is None:
        return Kpi.Polarity.UNSCORED
    return Kpi.Polarity.HIGHER if goal > red_flag else Kpi.Polarity.LOWER
