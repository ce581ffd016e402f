from django.db import migrations

# What every process of the installation must count together, such as attempts to sign in: Django's database cache.
TABLE = """
CREATE TABLE shared_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX shared_cache_expires ON shared_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_invitation")]
    operations = [migrations.RunSQL(TABLE, "DROP TABLE shared_cache")]
