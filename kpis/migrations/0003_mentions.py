from django.conf import settings
from django.db import migrations, models

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):
    dependencies = [("kpis", "0002_history"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.AddField(
            model_name="commentary",
            name="mentioned",
            field=models.ManyToManyField(blank=True, related_name="mentions", to=settings.AUTH_USER_MODEL),
        ),
        audited("kpis_annotation"),
    ]
