import django.db.models.deletion
import kpiplatform.accounts.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Organisation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('time_zone', models.CharField(default='UTC', max_length=64, validators=[kpiplatform.accounts.models.known_time_zone])),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_organisation')],
            },
        ),
        migrations.CreateModel(
            name='StrategyPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('vision', models.TextField(blank=True)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('is_active', models.BooleanField(default=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('starts_on__lt', models.F('ends_on'))), name='plan_dates_in_order'), models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('is_active',), name='one_active_plan')],
            },
        ),
        migrations.CreateModel(
            name='Perspective',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40)),
                ('name', models.CharField(max_length=120)),
                ('position', models.PositiveSmallIntegerField()),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='perspectives', to='objectives.strategyplan')),
            ],
            options={
                'ordering': ['position'],
                'constraints': [models.UniqueConstraint(fields=('plan', 'code'), name='perspective_code_once'), models.UniqueConstraint(fields=('plan', 'position'), name='perspective_position_once')],
            },
        ),
        migrations.CreateModel(
            name='Theme',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40)),
                ('name', models.CharField(max_length=120)),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='themes', to='objectives.strategyplan')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('plan', 'code'), name='theme_code_once')],
            },
        ),
        migrations.CreateModel(
            name='Unit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('path', models.CharField(max_length=800, unique=True)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('is_active', models.BooleanField(default=True)),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='objectives.unit')),
            ],
            options={
                'ordering': ['path'],
                'indexes': [models.Index(fields=['path'], name='unit_by_prefix', opclasses=['varchar_pattern_ops'])],
                'constraints': [models.CheckConstraint(condition=models.Q(('parent', models.F('id')), _negated=True), name='unit_not_its_own_parent'), models.CheckConstraint(condition=models.Q(('path__startswith', '/'), ('path__endswith', '/')), name='unit_path_form'), models.UniqueConstraint(models.F('parent'), condition=models.Q(('parent', None)), name='one_root_unit', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='RoleAssignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('executive', 'Executive'), ('manager', 'Manager'), ('owner', 'KPI owner'), ('member', 'Team member'), ('admin', 'Admin'), ('auditor', 'Auditor')], max_length=10)),
                ('valid_until', models.DateField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='roles', to=settings.AUTH_USER_MODEL)),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='roles', to='objectives.unit')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'unit', 'role'), name='one_assignment_per_role'), models.CheckConstraint(condition=models.Q(('role__in', ['executive', 'manager', 'owner', 'member', 'admin', 'auditor'])), name='role_known'), models.CheckConstraint(condition=models.Q(models.Q(('role', 'auditor'), _negated=True), ('valid_until__isnull', False), _connector='OR'), name='auditor_until_a_date')],
            },
        ),
        migrations.CreateModel(
            name='Objective',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=160)),
                ('description', models.TextField(blank=True)),
                ('roll_up_method', models.CharField(choices=[('weighted_average', 'weighted average'), ('worst_child', 'worst child'), ('manual', 'manual')], default='weighted_average', max_length=20)),
                ('minimum_coverage', models.DecimalField(decimal_places=3, default='0.500', max_digits=4)),
                ('status', models.CharField(choices=[('active', 'active'), ('retired', 'retired')], default='active', max_length=10)),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objectives', to=settings.AUTH_USER_MODEL)),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='objectives.objective')),
                ('perspective', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objectives', to='objectives.perspective')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objectives', to='objectives.strategyplan')),
                ('theme', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='objectives', to='objectives.theme')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objectives', to='objectives.unit')),
            ],
            options={
                'ordering': ['perspective__position', 'position', 'code'],
                'constraints': [models.CheckConstraint(condition=models.Q(('parent', models.F('id')), _negated=True), name='objective_not_its_own_parent'), models.CheckConstraint(condition=models.Q(('minimum_coverage__gte', 0), ('minimum_coverage__lte', 1)), name='coverage_is_a_share'), models.CheckConstraint(condition=models.Q(('roll_up_method__in', ['weighted_average', 'worst_child', 'manual'])), name='roll_up_method_known'), models.CheckConstraint(condition=models.Q(('status__in', ['active', 'retired'])), name='objective_status_known')],
            },
        ),
        migrations.CreateModel(
            name='ObjectiveState',
            fields=[
                ('objective', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='state', serialize=False, to='objectives.objective')),
                ('score', models.DecimalField(decimal_places=4, max_digits=6, null=True)),
                ('band', models.CharField(blank=True, default='', max_length=10)),
                ('average', models.DecimalField(decimal_places=4, max_digits=6, null=True)),
                ('worst_score', models.DecimalField(decimal_places=4, max_digits=6, null=True)),
                ('coverage', models.DecimalField(decimal_places=4, default=0, max_digits=5)),
                ('with_data', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(default=0)),
                ('on_track', models.PositiveIntegerField(default=0)),
                ('at_risk', models.PositiveIntegerField(default=0)),
                ('off_track', models.PositiveIntegerField(default=0)),
                ('terms', models.JSONField(default=list)),
                ('computed_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('band__in', ['', 'on_track', 'at_risk', 'off_track'])), name='objective_state_band_known')],
            },
        ),
        migrations.CreateModel(
            name='ManualScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('score', models.DecimalField(decimal_places=4, max_digits=6)),
                ('confidence', models.PositiveSmallIntegerField(help_text='percent')),
                ('note', models.TextField()),
                ('effective_from', models.DateField()),
                ('recorded_at', models.DateTimeField()),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('objective', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='manual_scores', to='objectives.objective')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('score__gte', 0), ('score__lte', 10)), name='manual_score_0_to_10'), models.CheckConstraint(condition=models.Q(('confidence__lte', 100)), name='confidence_is_percent'), models.CheckConstraint(condition=models.Q(('note', ''), _negated=True), name='manual_score_has_note')],
            },
        ),
        migrations.CreateModel(
            name='CausalLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sign', models.SmallIntegerField(choices=[(1, 'moves it the same way'), (-1, 'moves it the other way')], default=1)),
                ('lag_from_days', models.PositiveSmallIntegerField(default=0)),
                ('lag_to_days', models.PositiveSmallIntegerField(default=0)),
                ('rationale', models.TextField()),
                ('evidence', models.CharField(choices=[('untested', 'not tested yet'), ('supported', 'supported by the data'), ('contradicted', 'contradicted by the data'), ('cannot_tell', 'cannot tell')], default='untested', max_length=12)),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links_out', to='objectives.objective')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links_in', to='objectives.objective')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('source', 'target'), name='one_link_per_pair'), models.CheckConstraint(condition=models.Q(('source', models.F('target')), _negated=True), name='link_joins_two'), models.CheckConstraint(condition=models.Q(('sign__in', [1, -1])), name='link_sign_known'), models.CheckConstraint(condition=models.Q(('lag_from_days__lte', models.F('lag_to_days'))), name='link_lag_in_order'), models.CheckConstraint(condition=models.Q(('evidence__in', ['untested', 'supported', 'contradicted', 'cannot_tell'])), name='link_evidence_known')],
            },
        ),
        migrations.CreateModel(
            name='ObjectiveWeight',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weight', models.DecimalField(decimal_places=3, max_digits=8)),
                ('effective_from', models.DateField()),
                ('recorded_at', models.DateTimeField()),
                ('objective', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='weights', to='objectives.objective')),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('weight__gte', 0)), name='objective_weight_not_negative'), models.UniqueConstraint(fields=('objective', 'effective_from', 'recorded_at'), name='objective_weight_recorded_once')],
            },
        ),
    ]
