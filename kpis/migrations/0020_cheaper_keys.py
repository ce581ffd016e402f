import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

# As for revisions (0016): a foreign key looks up every row by itself. Evaluations never move to another KPI, so their
# insert is looked at, and that no KPI goes which they name.
REFERENCES = """
CREATE FUNCTION evaluations_name_what_is_there() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named bigint[];
    present bigint;
BEGIN
    named := ARRAY(SELECT DISTINCT kpi_id FROM new_evaluations);
    PERFORM FROM kpis_kpi WHERE id = ANY(named) ORDER BY id FOR KEY SHARE;
    GET DIAGNOSTICS present = ROW_COUNT;
    IF present < cardinality(named) THEN
        RAISE EXCEPTION 'an evaluation names a KPI that is not there'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'evaluation_names_kpi';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER names_what_is_there AFTER INSERT ON kpis_evaluation
    REFERENCING NEW TABLE AS new_evaluations
    FOR EACH STATEMENT EXECUTE FUNCTION evaluations_name_what_is_there();

CREATE FUNCTION evaluations_stay_with_their_kpi() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an evaluation stays with its KPI'
        USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'evaluation_names_kpi';
END $$;
-- Per statement, since a trigger for each row would lock it before it looks which columns are set.
CREATE TRIGGER stays_with_its_kpi BEFORE UPDATE OF kpi_id ON kpis_evaluation
    FOR EACH STATEMENT EXECUTE FUNCTION evaluations_stay_with_their_kpi();

CREATE FUNCTION named_by_evaluations_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM kpis_evaluation WHERE kpi_id = OLD.id) THEN
        RAISE EXCEPTION 'a KPI is named by evaluations'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER named_by_evaluations AFTER DELETE OR UPDATE OF id ON kpis_kpi
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION named_by_evaluations_stays();
"""

DROP = """
DROP TRIGGER named_by_evaluations ON kpis_kpi;
DROP FUNCTION named_by_evaluations_stays();
DROP TRIGGER stays_with_its_kpi ON kpis_evaluation;
DROP FUNCTION evaluations_stay_with_their_kpi();
DROP TRIGGER names_what_is_there ON kpis_evaluation;
DROP FUNCTION evaluations_name_what_is_there();
"""


class Migration(migrations.Migration):
    dependencies = [("kpis", "0019_kept_values")]
    operations = [
        migrations.RemoveIndex(model_name="measurementrevision", name="revision_by_pull"),
        migrations.AddIndex(
            model_name="measurementrevision",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["pull"], autosummarize=True, pages_per_range=32, name="revision_by_pull"
            ),
        ),
        migrations.AlterField(
            model_name="evaluation",
            name="kpi",
            field=models.ForeignKey(
                to="kpis.kpi",
                on_delete=django.db.models.deletion.CASCADE,
                related_name="evaluations",
                db_index=False,
                db_constraint=False,
            ),
        ),
        migrations.RunSQL(REFERENCES, DROP),
    ]
