import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from kpiplatform.audit.operations import append_only

STATES = [("draft", "draft"), ("proposed", "proposed"), ("active", "active"), ("retired", "retired")]
# The audit trail has known all along when KPIs entered another state.
STEPS_UNTIL_NOW = """
INSERT INTO kpis_kpistep (kpi_id, was, became, recorded_at, recorded_by_id)
SELECT k.id, a.before ->> 'status', a.after ->> 'status', a.at, u.id
FROM audit_auditentry a JOIN kpis_kpi k ON k.id = a."row"::bigint LEFT JOIN accounts_user u ON u.id = a.actor
WHERE a."table" = 'kpis_kpi' AND a.action = 'UPDATE' AND a.before ->> 'status' <> a.after ->> 'status'
ORDER BY a.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("kpis", "0029_held_pulls"),
        ("audit", "0002_functions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="KpiStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("was", models.CharField(choices=STATES, max_length=8)),
                ("became", models.CharField(choices=STATES, max_length=8)),
                ("recorded_at", models.DateTimeField()),
                (
                    "kpi",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="kpis.kpi"
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["kpi", "recorded_at"], name="steps_of_kpi")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("was", models.F("became")), _negated=True), name="step_changes_state"
                    )
                ],
            },
        ),
        append_only("kpis_kpistep"),
        migrations.RunSQL(STEPS_UNTIL_NOW, migrations.RunSQL.noop),
    ]
