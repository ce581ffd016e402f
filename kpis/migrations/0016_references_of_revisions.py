import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# A foreign key looks up every row by itself, which for a million revisions costs as much as storing them. These
# triggers promise the same, statement by statement: what a revision names is there and is held until the transaction
# ends, and cannot go as long as the revision names it. Revisions never change, so only their insert is looked at.
REFERENCES = """
CREATE FUNCTION revisions_name_what_is_there() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named bigint[];
    present bigint;
BEGIN
    named := ARRAY(SELECT DISTINCT kpi_id FROM new_revisions);
    PERFORM FROM kpis_kpi WHERE id = ANY(named) ORDER BY id FOR KEY SHARE;
    GET DIAGNOSTICS present = ROW_COUNT;
    IF present < cardinality(named) THEN
        RAISE EXCEPTION 'a revision names a KPI that is not there'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'revision_names_kpi';
    END IF;
    named := ARRAY(SELECT DISTINCT pull_id FROM new_revisions WHERE pull_id IS NOT NULL);
    PERFORM FROM kpis_pull WHERE id = ANY(named) ORDER BY id FOR KEY SHARE;
    GET DIAGNOSTICS present = ROW_COUNT;
    IF present < cardinality(named) THEN
        RAISE EXCEPTION 'a revision names a pull that is not there'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'revision_names_pull';
    END IF;
    named := ARRAY(SELECT recorded_by_id FROM new_revisions WHERE recorded_by_id IS NOT NULL
                   UNION SELECT approved_by_id FROM new_revisions WHERE approved_by_id IS NOT NULL);
    PERFORM FROM accounts_user WHERE id = ANY(named) ORDER BY id FOR KEY SHARE;
    GET DIAGNOSTICS present = ROW_COUNT;
    IF present < cardinality(named) THEN
        RAISE EXCEPTION 'a revision names a person who is not there'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'revision_names_person';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER names_what_is_there AFTER INSERT ON kpis_measurementrevision
    REFERENCING NEW TABLE AS new_revisions
    FOR EACH STATEMENT EXECUTE FUNCTION revisions_name_what_is_there();

CREATE FUNCTION named_by_revisions_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_named boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM kpis_measurementrevision WHERE %I = $1)', TG_ARGV[0])
        INTO is_named USING OLD.id;
    IF is_named THEN
        RAISE EXCEPTION 'a row of % is named by revisions', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER named_by_revisions AFTER DELETE OR UPDATE OF id ON kpis_kpi
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION named_by_revisions_stays('kpi_id');
CREATE CONSTRAINT TRIGGER named_by_revisions AFTER DELETE OR UPDATE OF id ON kpis_pull
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION named_by_revisions_stays('pull_id');
CREATE CONSTRAINT TRIGGER recorded_revisions AFTER DELETE OR UPDATE OF id ON accounts_user
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION named_by_revisions_stays('recorded_by_id');
CREATE CONSTRAINT TRIGGER approved_revisions AFTER DELETE OR UPDATE OF id ON accounts_user
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION named_by_revisions_stays('approved_by_id');
"""

DROP = """
DROP TRIGGER approved_revisions ON accounts_user;
DROP TRIGGER recorded_revisions ON accounts_user;
DROP TRIGGER named_by_revisions ON kpis_pull;
DROP TRIGGER named_by_revisions ON kpis_kpi;
DROP FUNCTION named_by_revisions_stays();
DROP TRIGGER names_what_is_there ON kpis_measurementrevision;
DROP FUNCTION revisions_name_what_is_there();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("kpis", "0015_asked_pulls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        *[
            migrations.AlterField(
                model_name="measurementrevision",
                name=name,
                field=models.ForeignKey(
                    to=to,
                    null=is_optional,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name=related_name,
                    db_index=False,
                    db_constraint=False,
                ),
            )
            for name, to, related_name, is_optional in [
                ("kpi", "kpis.kpi", "revisions", False),
                ("pull", "kpis.pull", "revisions", True),
                ("recorded_by", settings.AUTH_USER_MODEL, "+", True),
                ("approved_by", settings.AUTH_USER_MODEL, "+", True),
            ]
        ],
        migrations.RunSQL(REFERENCES, DROP),
    ]
