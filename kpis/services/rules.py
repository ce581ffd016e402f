"""What people agree about a source: the rules of its rows, by when it is fresh, who reads its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.audit.editing import lock_as_seen
from kpis.models import DataSource, QualityRule, SourceAgreement
from kpis.services.freshness import behind_from

SAID = (
    "mapping", "kind", "severity", "columns", "value_type", "low", "high", "allowed", "control_column",
    "control_kpi", "tolerance",
)  # fmt: skip


def add_rule(*, source: DataSource, said: Mapping[str, Any], by: User, now: datetime) -> QualityRule:
    """Add a rule that the next pull is held against; the same one again changes nothing."""
    with transaction.atomic():
        _lock(source)
        row = QualityRule(source=source, created_at=now, created_by=by, **{name: said[name] for name in SAID})
        same = next((one for one in source.rules.all() if _content(one) == _content(row)), None)
        if same is None:
            row.save()
        return same or row


def change_rule(*, rule: QualityRule, said: Mapping[str, Any], seen: str) -> QualityRule:
    """Change a rule. Raises ChangedMeanwhile if it differs from what was seen."""
    with transaction.atomic():
        row = lock_as_seen(QualityRule.objects.all(), rule.pk, seen)
        for name in SAID:
            setattr(row, name, said[name])
        row.save()
        return row


def remove_rule(*, rule: QualityRule) -> None:
    """Take a rule away; what it said of earlier pulls stays."""
    QualityRule.objects.filter(pk=rule.pk).delete()


def set_agreement(
    *,
    source: DataSource,
    fresh_within_minutes: int | None,
    rows_visible_to: str,
    row_columns: Sequence[str],
    seen: str,
    now: datetime,
) -> SourceAgreement:
    """Set by when a source is fresh and who may read its rows. Raises ChangedMeanwhile."""
    with transaction.atomic():
        _lock(source)
        row = SourceAgreement.objects.filter(source=source).first()
        if row is None:
            row = SourceAgreement(source=source)
        else:
            row = lock_as_seen(SourceAgreement.objects.all(), row.pk, seen)
        if row.fresh_within_minutes != fresh_within_minutes:
            row.fresh_within_minutes, row.fresh_since = fresh_within_minutes, now
        row.rows_visible_to = rows_visible_to
        row.row_columns = list(row_columns)
        row.save()
        locked = DataSource.objects.get(pk=source.pk)
        DataSource.objects.filter(pk=source.pk).update(behind_from=behind_from(locked))
        return row


def _lock(source: DataSource) -> None:
    DataSource.objects.select_for_update(no_key=True).get(pk=source.pk)


def _content(rule: QualityRule) -> tuple[Any, ...]:
    return tuple(getattr(rule, name) for name in SAID)
