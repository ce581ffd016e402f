import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):

    dependencies = [
        ('dashboards', '0005_sentences'),
        ('kpis', '0019_kept_values'),
        ('audit', '0003_secrets'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TakenFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('selection', models.JSONField(default=dict, help_text='what was chosen, as the address said it')),
                ('rows', models.PositiveBigIntegerField()),
                ('taken_at', models.DateTimeField()),
                ('kpi', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kpis.kpi')),
                ('taken_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'exported file',
            },
        ),
        audited('dashboards_takenfile'),
    ]
