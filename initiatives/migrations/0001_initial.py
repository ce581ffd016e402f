import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
        ('kpis', '0001_initial'),
        ('objectives', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Initiative',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=160)),
                ('purpose', models.TextField(blank=True)),
                ('status', models.CharField(choices=[('proposed', 'waiting for approval'), ('approved', 'approved'), ('running', 'running'), ('done', 'done'), ('stopped', 'stopped')], default='proposed', max_length=8)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('budget', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ('spent', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('created_at', models.DateTimeField()),
                ('objective', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='initiatives', to='objectives.objective')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='initiatives', to=settings.AUTH_USER_MODEL)),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='initiatives', to='objectives.unit')),
            ],
            options={
                'ordering': ['starts_on', 'code'],
                'constraints': [models.CheckConstraint(condition=models.Q(('starts_on__lt', models.F('ends_on'))), name='initiative_dates'), models.CheckConstraint(condition=models.Q(('status__in', ['proposed', 'approved', 'running', 'done', 'stopped'])), name='initiative_status_known'), models.CheckConstraint(condition=models.Q(('spent__gte', 0), models.Q(('budget__isnull', True), ('budget__gte', 0), _connector='OR')), name='initiative_money_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='ExpectedImpact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('change', models.DecimalField(decimal_places=8, help_text="in the KPI's unit, signed", max_digits=28)),
                ('starts_on', models.DateField()),
                ('full_effect_on', models.DateField()),
                ('confidence', models.CharField(choices=[('low', 'low'), ('medium', 'medium'), ('high', 'high')], max_length=6)),
                ('rationale', models.TextField(blank=True)),
                ('registered_at', models.DateTimeField()),
                ('kpi', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='impacts', to='kpis.kpi')),
                ('initiative', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='impacts', to='initiatives.initiative')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('initiative', 'kpi'), name='one_impact_per_kpi'), models.CheckConstraint(condition=models.Q(('change', 0), _negated=True), name='impact_is_a_change'), models.CheckConstraint(condition=models.Q(('starts_on__lte', models.F('full_effect_on'))), name='impact_dates_in_order'), models.CheckConstraint(condition=models.Q(('confidence__in', ['low', 'medium', 'high'])), name='confidence_known')],
            },
        ),
        migrations.CreateModel(
            name='Milestone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=160)),
                ('planned_on', models.DateField()),
                ('due_on', models.DateField()),
                ('done_on', models.DateField(blank=True, null=True)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('initiative', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='milestones', to='initiatives.initiative')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='milestones', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['position', 'due_on'],
                'constraints': [models.UniqueConstraint(fields=('initiative', 'name'), name='milestone_once')],
            },
        ),
        migrations.CreateModel(
            name='Risk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=300)),
                ('likelihood', models.PositiveSmallIntegerField(help_text='1 to 5')),
                ('severity', models.PositiveSmallIntegerField(help_text='1 to 5')),
                ('mitigation', models.TextField(blank=True)),
                ('initiative', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='risks', to='initiatives.initiative')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('likelihood__range', (1, 5)), ('severity__range', (1, 5))), name='risk_1_to_5')],
            },
        ),
        migrations.CreateModel(
            name='ImpactAssessment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('assessed_at', models.DateTimeField()),
                ('points_before', models.PositiveIntegerField()),
                ('points_after', models.PositiveIntegerField()),
                ('effect', models.DecimalField(decimal_places=8, max_digits=28, null=True)),
                ('interval_low', models.DecimalField(decimal_places=8, max_digits=28, null=True)),
                ('interval_high', models.DecimalField(decimal_places=8, max_digits=28, null=True)),
                ('verdict', models.CharField(choices=[('effect', 'an effect is visible'), ('no_effect', 'no effect is visible'), ('cannot_tell', 'cannot tell')], max_length=12)),
                ('impact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assessments', to='initiatives.expectedimpact')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('verdict', 'cannot_tell'), ('effect__isnull', False), _connector='OR'), name='verdict_has_effect')],
            },
        ),
    ]
