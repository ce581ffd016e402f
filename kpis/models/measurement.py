"""Values: as we know them now, and every version we ever knew."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from kpis.models.definition import Kpi
from kpis.models.target import value_field

STATES = ["reported", "provisional", "not_applicable"]
KINDS = ["pull", "manual", "upload", "api", "correction", "undo", "derived"]
NOT_NAN = "NaN"


def value_matches_state(prefix: str) -> list[models.BaseConstraint]:
    """Constraints that both tables share: a state, its value, its reason, finite numbers, a real period."""
    q = models.Q
    return [
        models.CheckConstraint(condition=q(period_start__lt=models.F("period_end")), name=f"{prefix}_period"),
        models.CheckConstraint(condition=q(state__in=STATES), name=f"{prefix}_state_known"),
        models.CheckConstraint(
            condition=q(value__isnull=False) | ~q(reason=""), name=f"{prefix}_without_value_has_reason"
        ),
        models.CheckConstraint(
            condition=~q(state="not_applicable") | q(value__isnull=True), name=f"{prefix}_na_has_no_value"
        ),
        models.CheckConstraint(
            condition=q(numerator__isnull=True, denominator__isnull=True)
            | q(numerator__isnull=False, denominator__isnull=False),
            name=f"{prefix}_ratio_whole",
        ),
        models.CheckConstraint(
            condition=q(value__isnull=True) | q(value__lt=10**20, value__gt=-(10**20)), name=f"{prefix}_value_finite"
        ),
    ]


class Measurement(models.Model):
    """The value of a KPI in one period, as we know it now."""

    pk = models.CompositePrimaryKey("kpi_id", "period_start")
    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="measurements", db_index=False)
    period_start = models.DateField()
    period_end = models.DateField()
    value = value_field()
    numerator = value_field()
    denominator = value_field()
    state = models.CharField(max_length=14)
    reason = models.CharField(max_length=200, blank=True, default="")
    seq = models.PositiveIntegerField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = value_matches_state("measurement")


class MeasurementRevision(models.Model):
    """One version of a value: who, when, why, from which pull. Rows are never changed.

    What a revision names is checked by triggers, for all rows of a statement at once: foreign keys would look up each
    row of an import by itself.
    """

    kpi = models.ForeignKey(
        Kpi, on_delete=models.PROTECT, related_name="revisions", db_index=False, db_constraint=False
    )
    period_start = models.DateField()
    period_end = models.DateField()
    seq = models.PositiveIntegerField()
    value = value_field()
    numerator = value_field()
    denominator = value_field()
    state = models.CharField(max_length=14)
    reason = models.CharField(max_length=200, blank=True, default="")
    kind = models.CharField(max_length=10)
    note = models.CharField(max_length=400, blank=True, default="")
    pull = models.ForeignKey(
        "kpis.Pull",
        on_delete=models.PROTECT,
        null=True,
        related_name="revisions",
        db_index=False,
        db_constraint=False,
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    recorded_at = models.DateTimeField()
    # Without an index: it would slow down every import, and people are closed, not deleted.
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    unusual_by = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        help_text="times the usual move, if the person was asked and meant it",
    )

    class Meta:
        indexes = [
            # Few values are ever changed: what was restated in a span is found without reading the others.
            models.Index(fields=["recorded_at"], condition=models.Q(seq__gt=1), name="revision_after_first"),
            # The revisions of a pull lie side by side and stay there: their range of pages says where, and costs an
            # import next to nothing.
            BrinIndex(fields=["pull"], autosummarize=True, pages_per_range=32, name="revision_by_pull"),
        ]
        constraints = [
            *value_matches_state("revision"),
            models.UniqueConstraint(fields=["kpi", "period_start", "seq"], name="revision_seq_once"),
            models.CheckConstraint(condition=models.Q(kind__in=KINDS), name="revision_kind_known"),
            models.CheckConstraint(
                condition=~models.Q(kind="correction") | ~models.Q(note=""), name="correction_has_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(pull__isnull=False) | models.Q(recorded_by__isnull=False) | models.Q(kind="derived"),
                name="revision_has_an_origin",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(recorded_by__isnull=False) & ~models.Q(approved_by=models.F("recorded_by")),
                name="revision_approved_by_another",
            ),
        ]
