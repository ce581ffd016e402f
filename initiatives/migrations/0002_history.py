from django.db import migrations

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):
    dependencies = [("initiatives", "0001_initial"), ("audit", "0002_functions")]
    operations = [
        audited("initiatives_initiative"),
        audited("initiatives_milestone"),
        audited("initiatives_expectedimpact"),
        audited("initiatives_risk"),
    ]
