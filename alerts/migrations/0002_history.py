from django.db import migrations

from kpiplatform.audit.operations import append_only, audited


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_initial"), ("audit", "0002_functions")]
    operations = [
        append_only("alerts_bandcrossing"),
        audited("alerts_alertrule"),
        audited("alerts_subscription"),
    ]
