import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("kpis", "0003_mentions"),
        ("audit", "0002_functions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KpiDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "token",
                    models.UUIDField(
                        default=uuid.uuid4, help_text="of the page it began on: sent twice, begun once", unique=True
                    ),
                ),
                ("answers", models.JSONField(default=dict, help_text="step → field → what was typed")),
                ("is_dropped", models.BooleanField(default=False)),
                ("begun_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="kpi_drafts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "kpi",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draft",
                        to="kpis.kpi",
                    ),
                ),
            ],
            options={"ordering": ["-changed_at"]},
        ),
        audited("dashboards_kpidraft"),
    ]
