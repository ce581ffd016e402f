"""What is never written to the trail, in words of columns: secrets, hashed or encrypted, and when someone signed in."""

from django.db import migrations

LEFT_OUT = """
CREATE FUNCTION audit_content(content jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT content - '{password, last_login, ciphertext}'::text[]
$$;
"""

WRITE = """
-- Writers queue up behind one lock until they commit: that is what makes the entries a chain.
CREATE OR REPLACE FUNCTION audit_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE %(old)s END;
    after jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE %(new)s END;
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
"""
FORWARDS = LEFT_OUT + WRITE % {"old": "audit_content(to_jsonb(OLD))", "new": "audit_content(to_jsonb(NEW))"}
BACKWARDS = (
    WRITE
    % {
        "old": "to_jsonb(OLD) - 'password' - 'last_login'",
        "new": "to_jsonb(NEW) - 'password' - 'last_login'",
    }
    + "DROP FUNCTION audit_content(jsonb);"
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_functions")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
