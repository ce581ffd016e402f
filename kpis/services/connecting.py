"""Connecting a source: where it is, how its rows are read, and which KPIs they feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from kpiplatform.audit.editing import lock_as_seen
from kpis.models import DataSource, Kpi, SourceMapping
from kpis.services.credentials import set_credential
from kpis.sources.mapping import parse_mapping

# What is asked on the pages of access and reading; the rest of a source changes meanwhile.
ASKED = ("kind", "config")
LONGEST_CODE = 40
AT = time(6)


class FedElsewhere(ValueError):
    """A KPI has another source already; the sentence says which. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A KPI and how rows become its values."""

    kpi: Kpi
    spec: Mapping[str, Any]


def begin_source(*, name: str, kind: str, owner: User) -> DataSource:
    """Return a new source that is not pulled yet. Raises NotActive for an owner who may not sign in."""
    with transaction.atomic():
        lock_active(owner)
        return DataSource.objects.create(
            code=_free_code(name), name=name, kind=kind, owner=owner, config={}, pull_at=AT, is_enabled=False
        )


def set_access(
    *, source: DataSource, seen: str, config: Mapping[str, Any], secrets: Mapping[str, str], by: User, now: datetime
) -> DataSource:
    """Store settings of a source, and those secrets that are given; others stay. Raises ChangedMeanwhile."""
    with transaction.atomic():
        if source.config == config and not secrets:
            return source  # also the second press of the button
        row = lock_as_seen(DataSource.objects.all(), source.pk, seen, ASKED)
        row.config = dict(config)
        row.save(update_fields=["config"])
        for name, secret in secrets.items():
            set_credential(source=row, name=name, secret=secret, by=by, now=now)
    return row


def feed(*, source: DataSource, feeds: Sequence[Feed]) -> int:
    """Let the source feed the KPIs, each by its mapping, and return for how many that is new or changed.

    The next pull reads the whole source again where a mapping is new or changed; from the first one on the source is
    pulled by its schedule. Raises FedElsewhere for a KPI of
    another source or one that is computed, MappingError for a mapping that can't be followed; nothing is written then.
    """
    for one in feeds:
        parse_mapping(one.spec)
    changed = 0
    with transaction.atomic():
        row = DataSource.objects.select_for_update(no_key=True).get(pk=source.pk)
        present = {
            mapping.kpi_id: mapping
            for mapping in SourceMapping.objects.select_for_update(of=("self",))
            .select_related("source")
            .filter(kpi__in=[one.kpi.pk for one in feeds])
        }
        computed = Kpi.objects.filter(pk__in=[one.kpi.pk for one in feeds], entry=Kpi.Entry.DERIVED).first()
        if computed is not None:
            raise FedElsewhere(
                _("“%(kpi)s” is computed from other KPIs. Nothing was changed.") % {"kpi": computed.name}
            )
        for one in sorted(feeds, key=lambda one: one.kpi.pk):
            mapping = present.get(one.kpi.pk)
            if mapping is not None and mapping.source_id != row.pk:
                words = {"kpi": one.kpi.name, "source": mapping.source.name}
                raise FedElsewhere(_("“%(kpi)s” comes from “%(source)s” already. Nothing was changed.") % words)
            if mapping is not None and mapping.spec == one.spec:
                continue
            SourceMapping.objects.update_or_create(kpi=one.kpi, defaults={"source": row, "spec": dict(one.spec)})
            changed += 1
        Kpi.objects.filter(pk__in=[one.kpi.pk for one in feeds]).exclude(entry=Kpi.Entry.SOURCE).update(
            entry=Kpi.Entry.SOURCE
        )
        if changed:
            is_first = not row.mappings.exclude(kpi__in=[one.kpi.pk for one in feeds]).exists() and not present
            DataSource.objects.filter(pk=row.pk).update(cursor=None, is_enabled=row.is_enabled or is_first)
    return changed


def stop_feeding(*, source: DataSource, kpi_id: int) -> None:
    """Let the source feed a KPI no more; its values stay, new ones are entered by hand."""
    with transaction.atomic():
        SourceMapping.objects.filter(source=source, kpi=kpi_id).delete()
        Kpi.objects.filter(pk=kpi_id, entry=Kpi.Entry.SOURCE).update(entry=Kpi.Entry.MANUAL)


def _free_code(name: str) -> str:
    """Return a code made from the name that no source has."""
    base = slugify(name)[: LONGEST_CODE - 4].strip("-") or "source"
    taken = set(DataSource.objects.filter(code__startswith=base).values_list("code", flat=True))
    numbers = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(code for code in numbers if code not in taken)
