from django.db import migrations

from kpiplatform.audit.operations import append_only, audited


class Migration(migrations.Migration):
    dependencies = [("reviews", "0001_initial"), ("audit", "0002_functions")]
    operations = [
        audited("reviews_forum"),
        audited("reviews_review"),
        audited("reviews_decision"),
        audited("reviews_action"),
        append_only("reviews_pack"),
    ]
