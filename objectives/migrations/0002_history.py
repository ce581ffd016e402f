from django.db import migrations

from kpiplatform.audit.operations import append_only, audited


class Migration(migrations.Migration):
    dependencies = [("objectives", "0001_initial"), ("audit", "0002_functions")]
    operations = [
        audited("objectives_organisation"),
        audited("objectives_unit"),
        audited("objectives_roleassignment"),
        audited("objectives_strategyplan"),
        audited("objectives_perspective"),
        audited("objectives_theme"),
        audited("objectives_objective"),
        audited("objectives_causallink"),
        audited("objectives_objectiveweight"),
        append_only("objectives_objectiveweight"),
        audited("objectives_manualscore"),
        append_only("objectives_manualscore"),
    ]
