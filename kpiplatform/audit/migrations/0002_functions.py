from django.db import migrations

from kpiplatform.audit.operations import append_only

FUNCTIONS = """
CREATE FUNCTION audit_hash(
    previous bytea, entry bigint, at timestamptz, actor bigint, "table" text, "row" text, action text,
    before jsonb, after jsonb
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(previous || convert_to(
        jsonb_build_array(entry, extract(epoch FROM at), actor, "table", "row", action, before, after)::text, 'UTF8'))
$$;

-- Writers queue up behind one lock until they commit: that is what makes the entries a chain.
CREATE FUNCTION audit_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) - 'password' - 'last_login' END;
    after jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) - 'password' - 'last_login' END;
    content jsonb := coalesce(after, before);
    key text := coalesce(content ->> 'id', content ->> 'review_id', content ->> 'kpi_id');
    who bigint := nullif(current_setting('kpi.actor', true), '')::bigint;
    entry bigint;
    previous bytea;
    moment timestamptz := clock_timestamp();
BEGIN
    IF before IS NOT DISTINCT FROM after THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('audit chain'));
    SELECT hash INTO previous FROM audit_auditentry ORDER BY id DESC LIMIT 1;
    previous := coalesce(previous, ''::bytea);
    entry := nextval(pg_get_serial_sequence('audit_auditentry', 'id'));
    INSERT INTO audit_auditentry (id, at, actor, "table", "row", action, before, after, previous_hash, hash)
    OVERRIDING SYSTEM VALUE
    VALUES (entry, moment, who, TG_TABLE_NAME, key, TG_OP, before, after, previous,
            audit_hash(previous, entry, moment, who, TG_TABLE_NAME::text, key, TG_OP::text, before, after));
    RETURN NULL;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: rows are neither changed nor deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""

DROP = """
DROP FUNCTION refuse_change();
DROP FUNCTION audit_write();
DROP FUNCTION audit_hash(bytea, bigint, timestamptz, bigint, text, text, text, jsonb, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTIONS, DROP),
        append_only("audit_auditentry"),
    ]
