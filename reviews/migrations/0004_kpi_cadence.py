import django.db.models.deletion
from django.db import migrations, models

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):
    dependencies = [("kpis", "0001_initial"), ("reviews", "0003_minutes_and_calendar_feeds")]

    operations = [
        migrations.CreateModel(
            name="KpiCadence",
            fields=[
                (
                    "kpi",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="cadence",
                        serialize=False,
                        to="kpis.kpi",
                    ),
                ),
                (
                    "forum",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="cadences", to="reviews.forum"
                    ),
                ),
            ],
        ),
        audited("reviews_kpicadence"),
    ]
