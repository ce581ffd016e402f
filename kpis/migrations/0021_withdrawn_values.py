from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kpis', '0020_cheaper_keys'),
    ]

    operations = [
        migrations.AlterField(
            model_name='proposedvalue',
            name='outcome',
            field=models.CharField(blank=True, choices=[('', 'waiting for approval'), ('approved', 'approved'), ('rejected', 'rejected'), ('replaced', 'replaced by another value'), ('withdrawn', 'withdrawn by whoever entered it')], default='', max_length=9),
        ),
    ]
