"""What was said about sources and pulls becomes sentences that are said anew; old ones stay as they were written."""

from django.db import migrations

from kpis.models.sentence import SentenceField

COLUMNS = [
    ("datasource", "last_error", SentenceField(null=True)),
    ("pull", "error", SentenceField(null=True)),
    ("pullrefusal", "why", SentenceField()),
    ("pullcheck", "says", SentenceField()),
]


def become_sentence(model, column, field):
    empty = f"CASE {column} WHEN '' THEN NULL ELSE jsonb_build_object('says', {column}) END"
    kept = empty if field.null else f"jsonb_build_object('says', {column})"
    nullable = f", ALTER COLUMN {column} DROP NOT NULL" if field.null else ""
    required = f", ALTER COLUMN {column} SET NOT NULL" if field.null else ""
    return migrations.RunSQL(
        f"ALTER TABLE kpis_{model} ALTER COLUMN {column} TYPE jsonb USING {kept}{nullable}",
        f"ALTER TABLE kpis_{model} ALTER COLUMN {column} TYPE text USING coalesce({column}->>'says', ''){required}",
        state_operations=[migrations.AlterField(model, column, field)],
    )


class Migration(migrations.Migration):

    dependencies = [
        ('kpis', '0017_mapping_since'),
    ]

    operations = [become_sentence(*column) for column in COLUMNS]
