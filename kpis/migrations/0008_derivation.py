from django.db import migrations, models
from django.db.models import CASCADE, PROTECT, F, Q

from kpiplatform.audit.operations import audited

KINDS = ["pull", "manual", "upload", "api", "correction", "undo", "derived"]


def revision_check(name: str, condition: Q) -> list[migrations.operations.base.Operation]:
    return [
        migrations.RemoveConstraint(model_name="measurementrevision", name=name),
        migrations.AddConstraint(
            model_name="measurementrevision", constraint=models.CheckConstraint(condition=condition, name=name)
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("kpis", "0007_part_of"), ("audit", "0002_functions")]
    operations = [
        migrations.CreateModel(
            name="KpiInput",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kpi", models.ForeignKey(on_delete=CASCADE, related_name="inputs", to="kpis.kpi")),
                ("input", models.ForeignKey(on_delete=PROTECT, related_name="feeds", to="kpis.kpi")),
                (
                    "is_current",
                    models.BooleanField(default=True, help_text="in the formula that is in force now"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["kpi", "input"], name="kpi_input_once"),
                    models.CheckConstraint(condition=~Q(kpi=F("input")), name="kpi_not_its_own_input"),
                ]
            },
        ),
        migrations.CreateModel(
            name="OwedDerivation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kpi", models.ForeignKey(on_delete=CASCADE, related_name="owed_derivations", to="kpis.kpi")),
                ("input", models.ForeignKey(null=True, on_delete=CASCADE, related_name="+", to="kpis.kpi")),
                ("period_start", models.DateField()),
                ("period_end", models.DateField(null=True)),
                ("due_on", models.DateField(null=True)),
                ("waits_for_lock", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["kpi", "period_start"],
                        condition=Q(due_on__isnull=False),
                        name="one_derivation_when_it_closes",
                    ),
                    models.UniqueConstraint(
                        fields=["kpi", "period_start"],
                        condition=Q(waits_for_lock=True),
                        name="one_derivation_behind_a_lock",
                    ),
                ]
            },
        ),
        audited("kpis_kpiinput"),
        *revision_check("revision_kind_known", Q(kind__in=KINDS)),
        *revision_check(
            "revision_has_an_origin",
            Q(pull__isnull=False) | Q(recorded_by__isnull=False) | Q(kind="derived"),
        ),
    ]
