import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kpis', '0018_sentences'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period_start', models.DateField()),
                ('value', models.DecimalField(blank=True, decimal_places=8, max_digits=28, null=True)),
                ('numerator', models.DecimalField(blank=True, decimal_places=8, max_digits=28, null=True)),
                ('denominator', models.DecimalField(blank=True, decimal_places=8, max_digits=28, null=True)),
                ('seen_seq', models.PositiveIntegerField()),
                ('note', models.CharField(blank=True, default='', max_length=400)),
                ('is_sure', models.BooleanField(default=False, help_text='the question about an unusual move was answered')),
                ('told', models.JSONField(default=dict)),
                ('entered_at', models.DateTimeField()),
                ('entered_by', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('kpi', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='kept_values', to='kpis.kpi')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('kpi', 'period_start', 'entered_by'), name='one_kept_value_per_person'), models.CheckConstraint(condition=models.Q(('value__isnull', False)), name='kept_value_has_a_value')],
            },
        ),
    ]
