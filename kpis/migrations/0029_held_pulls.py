"""Held pulls are found by their source: pages of KPIs ask for them."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kpis", "0028_target_ends")]

    operations = [
        migrations.AddIndex(
            model_name="pull",
            index=models.Index(fields=["source"], condition=models.Q(state="suspect"), name="pull_held"),
        ),
    ]
