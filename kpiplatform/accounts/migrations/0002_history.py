from django.db import migrations

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("audit", "0002_functions")]
    operations = [
        audited("accounts_user"),
    ]
