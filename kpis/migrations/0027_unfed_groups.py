"""Pulls note rows that no KPI is about."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kpis", "0026_decided_pulls")]

    operations = [
        migrations.AddField(
            model_name="pull",
            name="unfed",
            field=models.JSONField(
                default=dict, help_text="column → texts of its rows that no KPI is about, the first ones"
            ),
        ),
    ]
