"""What derived KPIs are computed from, and which of their values are owed."""

from __future__ import annotations

from django.db import models

from kpis.models.definition import Kpi


class KpiInput(models.Model):
    """A derived KPI refers to another in its formula, or did in one that still holds for past periods.

    The rows follow from the formulas, in the same transaction, and lead in no circle.
    """

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="inputs")
    input = models.ForeignKey(Kpi, on_delete=models.PROTECT, related_name="feeds")
    is_current = models.BooleanField(default=True, help_text="in the formula that is in force now")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kpi", "input"], name="kpi_input_once"),
            models.CheckConstraint(condition=~models.Q(kpi=models.F("input")), name="kpi_not_its_own_input"),
        ]


class OwedDerivation(models.Model):
    """Values of a derived KPI that wait to be computed.

    With an `input`: those that a value of the input in the named period reaches. Without: those of the periods that
    start from the first day on, up to the second where it is named. Rows wait until `due_on`, or, where a period is
    locked, until it is open again.
    """

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="owed_derivations")
    input = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="+", null=True)
    period_start = models.DateField()
    period_end = models.DateField(null=True)
    due_on = models.DateField(null=True)
    waits_for_lock = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kpi", "period_start"],
                condition=models.Q(due_on__isnull=False),
                name="one_derivation_when_it_closes",
            ),
            models.UniqueConstraint(
                fields=["kpi", "period_start"],
                condition=models.Q(waits_for_lock=True),
                name="one_derivation_behind_a_lock",
            ),
        ]
