from django.db import migrations

from kpiplatform.audit.operations import append_only, audited

OWNER_RULES = """
CREATE FUNCTION kpi_owner_is_active() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- FOR SHARE: a person can't be deactivated while becoming an owner.
    IF NEW.status = 'active' AND NOT (SELECT is_active FROM accounts_user WHERE id = NEW.owner_id FOR SHARE) THEN
        RAISE EXCEPTION 'the owner of an active KPI must be an active person'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'kpi_owner_is_active';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER owner_is_active BEFORE INSERT OR UPDATE OF owner_id, status ON kpis_kpi
    FOR EACH ROW EXECUTE FUNCTION kpi_owner_is_active();

CREATE FUNCTION owner_stays_active() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.is_active AND NOT NEW.is_active
       AND EXISTS (SELECT 1 FROM kpis_kpi WHERE owner_id = NEW.id AND status = 'active') THEN
        RAISE EXCEPTION 'a person who owns active KPIs cannot be deactivated: give the KPIs another owner first'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'owner_stays_active';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER owner_stays_active BEFORE UPDATE OF is_active ON accounts_user
    FOR EACH ROW EXECUTE FUNCTION owner_stays_active();
"""

DROP = """
DROP TRIGGER owner_stays_active ON accounts_user;
DROP FUNCTION owner_stays_active();
DROP TRIGGER owner_is_active ON kpis_kpi;
DROP FUNCTION kpi_owner_is_active();
"""

AUDITED = [
    "kpis_kpi",
    "kpis_target",
    "kpis_thresholdset",
    "kpis_kpiweight",
    "kpis_kpiownership",
    "kpis_kpilink",
    "kpis_periodcalendar",
    "kpis_holiday",
    "kpis_periodlock",
    "kpis_periodreopening",
    "kpis_sourcemapping",
]
APPEND_ONLY = [
    "kpis_measurementrevision",
    "kpis_target",
    "kpis_thresholdset",
    "kpis_kpiweight",
    "kpis_kpiownership",
    "kpis_kpiversion",
]


class Migration(migrations.Migration):
    dependencies = [("kpis", "0001_initial"), ("audit", "0002_functions"), ("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL(OWNER_RULES, DROP),
        *[audited(table) for table in AUDITED],
        *[append_only(table) for table in APPEND_ONLY],
    ]
