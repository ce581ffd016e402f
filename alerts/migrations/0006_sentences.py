"""The errors of sources that mails tell of are sentences that are said anew; old ones stay as they were written."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0005_minutes'),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE alerts_message SET facts = jsonb_set(facts, '{error}', jsonb_build_object('says', facts->'error')) "
            "WHERE jsonb_typeof(facts->'error') = 'string'",
            "UPDATE alerts_message SET facts = jsonb_set(facts, '{error}', facts->'error'->'says') "
            "WHERE jsonb_typeof(facts->'error') = 'object'",
        ),
    ]
