"""Connecting a source: where it is, how its rows are read, and which KPIs they feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from kpiplatform.audit.editing import lock_as_seen, seen
from kpis.models import DataSource, Kpi, SourceMapping
from kpis.services.credentials import set_credential
from kpis.services.defining import SHEET, define
from kpis.services.formulas import hold_formulas
from kpis.services.refusal import Refused
from kpis.sources.mapping import parse_mapping

# What is asked on the pages of access and reading; the rest of a source changes meanwhile.
ASKED = ("kind", "config", "is_snapshot")
LONGEST_CODE = 40
AT = time(6)


class FedElsewhere(ValueError):
    """A KPI has another source already; the sentence says which. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A KPI and how rows become its values."""

    kpi: Kpi
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From when and why KPIs have their values in another way, and whether those can't be compared with the earlier."""

    effective_from: date
    reason: str
    breaks_series: bool


def begin_source(*, name: str, kind: str, owner: User) -> DataSource:
    """Return a new source that is not pulled yet. Raises NotActive for an owner who may not sign in."""
    with transaction.atomic():
        lock_active(owner)
        return DataSource.objects.create(
            code=_free_code(name), name=name, kind=kind, owner=owner, config={}, pull_at=AT, is_enabled=False
        )


def set_access(
    *,
    source: DataSource,
    seen: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, str],
    is_snapshot: bool | None = None,
    by: User,
    now: datetime,
) -> DataSource:
    """Store settings of a source, and those secrets that are given; others stay. Raises ChangedMeanwhile.

    `is_snapshot` says whether the source has no history, None where that was not asked.
    """
    snapshot = source.is_snapshot if is_snapshot is None else is_snapshot
    with transaction.atomic():
        if source.config == config and source.is_snapshot == snapshot and not secrets:
            return source  # also the second press of the button
        row = lock_as_seen(DataSource.objects.all(), source.pk, seen, ASKED)
        row.config, row.is_snapshot = dict(config), snapshot
        row.save(update_fields=["config", "is_snapshot"])
        for name, secret in secrets.items():
            set_credential(source=row, name=name, secret=secret, by=by, now=now)
    return row


def feed(*, source: DataSource, feeds: Sequence[Feed], change: Change, by: User, now: datetime) -> int:
    """Let the source feed the KPIs, each by its mapping, and return for how many that is new or changed.

    A KPI that had its values in another way gets a new version of its definition as `change` says, and keeps the
    values of periods that start before it. The next pull reads the whole source again where a mapping is new or
    changed; from the first one on the source is pulled by its schedule.

    Raises FedElsewhere for a KPI of another source or one that is computed, Refused where `change` lacks its reason,
    MappingError for a mapping that can't be followed; nothing is written then.
    """
    for one in feeds:
        parse_mapping(one.spec)
    changed = 0
    with transaction.atomic():
        hold_formulas()
        row = DataSource.objects.select_for_update(no_key=True).get(pk=source.pk)
        kpis = _locked([one.kpi for one in feeds])
        present = _mappings(kpis)
        for one in sorted(feeds, key=lambda one: one.kpi.pk):
            kpi, mapping = kpis[one.kpi.pk], present.get(one.kpi.pk)
            if mapping is not None and mapping.source_id != row.pk:
                words = {"kpi": kpi.name, "source": mapping.source.name}
                raise FedElsewhere(_("“%(kpi)s” comes from “%(source)s” already. Nothing was changed.") % words)
            if mapping is not None and mapping.spec == one.spec:
                continue
            since = None
            if _had_others(kpi, mapping):
                _note_change(kpi, change, by=by, now=now)
                since = change.effective_from
            written = {"source": row, "spec": dict(one.spec), "since": since}
            SourceMapping.objects.update_or_create(kpi=kpi, defaults=written)
            changed += 1
        if changed:
            is_first = not row.mappings.exclude(kpi__in=kpis).exists() and not present
            DataSource.objects.filter(pk=row.pk).update(cursor=None, is_enabled=row.is_enabled or is_first)
    return changed


def fed_otherwise(feeds: Sequence[Feed]) -> list[Kpi]:
    """Return the KPIs that have their values in another way now than they would by these feeds."""
    kpis = Kpi.objects.in_bulk([one.kpi.pk for one in feeds])
    present = _mappings(kpis)
    asked = ((kpis[one.kpi.pk], present.get(one.kpi.pk), one.spec) for one in feeds)
    return [
        kpi for kpi, mapping, spec in asked if _had_others(kpi, mapping) and (mapping is None or mapping.spec != spec)
    ]


def _had_others(kpi: Kpi, mapping: SourceMapping | None) -> bool:
    """Return whether the KPI has its values in another way so far: not one that waits for its source."""
    return mapping is not None or kpi.entry != Kpi.Entry.SOURCE


def _locked(kpis: Sequence[Kpi]) -> dict[int, Kpi]:
    """Return the KPIs, held until the transaction ends; none is computed from others."""
    held = Kpi.objects.select_for_update(of=("self",)).order_by("pk").in_bulk([kpi.pk for kpi in kpis])
    for kpi in held.values():
        if kpi.entry == Kpi.Entry.DERIVED:
            raise FedElsewhere(_("“%(kpi)s” is computed from other KPIs. Nothing was changed.") % {"kpi": kpi.name})
    return held


def _mappings(kpi_ids: Iterable[int]) -> dict[int, SourceMapping]:
    rows = SourceMapping.objects.select_related("source").filter(kpi__in=kpi_ids)
    return {row.kpi_id: row for row in rows}


def _note_change(kpi: Kpi, change: Change, *, by: User, now: datetime) -> None:
    if not change.reason:
        raise Refused(_("“%(kpi)s” changes for a reason: say it. Nothing was changed.") % {"kpi": kpi.name})
    define(
        kpi=kpi,
        seen=seen(kpi, SHEET),  # nothing else of the sheet is written, and the KPI is held
        values={"entry": Kpi.Entry.SOURCE},
        effective_from=change.effective_from,
        reason=change.reason,
        breaks_series=change.breaks_series,
        by=by,
        now=now,
        means_otherwise=True,
    )


def _free_code(name: str) -> str:
    """Return a code made from the name that no source has."""
    base = slugify(name)[: LONGEST_CODE - 4].strip("-") or "source"
    taken = set(DataSource.objects.filter(code__startswith=base).values_list("code", flat=True))
    numbers = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(code for code in numbers if code not in taken)
