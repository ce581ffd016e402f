from django.db import migrations

# What people set is audited; how a source stands is written by every pull and says nothing about anybody.
AUDIT = """
CREATE TRIGGER audit
    AFTER INSERT OR DELETE OR UPDATE OF
        code, name, kind, config, owner_id, pull_at, look_back_days, may_be_empty, is_enabled
    ON kpis_datasource FOR EACH ROW EXECUTE FUNCTION audit_write()
"""


class Migration(migrations.Migration):
    dependencies = [("kpis", "0003_mentions"), ("audit", "0002_functions")]
    operations = [migrations.RunSQL(AUDIT, "DROP TRIGGER audit ON kpis_datasource")]
