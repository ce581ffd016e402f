"""Values that were tried are figures and days, written as the reader writes them; old ones are computed again."""

from django.db import migrations


def forget(apps, schema_editor):
    apps.get_model('dashboards', 'SourceSetup').objects.filter(tried__has_key='kpis').update(tried={})


class Migration(migrations.Migration):

    dependencies = [
        ('dashboards', '0006_taken_files'),
    ]

    operations = [migrations.RunPython(forget, forget)]
