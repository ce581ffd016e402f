"""What went wrong while a source was connected is a sentence that is said anew; old ones stay as they were written."""

from django.db import migrations


def become_sentences(apps, schema_editor):
    for setup in apps.get_model('dashboards', 'SourceSetup').objects.all():
        for found in (setup.look, setup.tried):
            if 'error' in found:
                found['error'] = {'says': found['error']} if found['error'] else None
            for refusal in found.get('refusals', []):
                refusal['why'] = {'says': refusal['why']}
        setup.save(update_fields=['look', 'tried'])


def become_texts(apps, schema_editor):
    for setup in apps.get_model('dashboards', 'SourceSetup').objects.all():
        for found in (setup.look, setup.tried):
            if 'error' in found:
                found['error'] = str(found['error']['says']) if found['error'] else ''
            for refusal in found.get('refusals', []):
                refusal['why'] = str(refusal['why']['says'])
        setup.save(update_fields=['look', 'tried'])


class Migration(migrations.Migration):

    dependencies = [
        ('dashboards', '0004_files_sent_again'),
    ]

    operations = [migrations.RunPython(become_sentences, become_texts)]
