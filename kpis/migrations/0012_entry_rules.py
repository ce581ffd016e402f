import django.db.models.deletion
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):

    dependencies = [
        ('kpis', '0011_fewer_indexes_of_history'),
        ('objectives', '0002_history'),
        ('audit', '0002_functions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EntryRules',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('unusual_factor', models.DecimalField(decimal_places=2, default=Decimal('6'), help_text='0 never asks', max_digits=6)),
                ('explain_below', models.DecimalField(blank=True, decimal_places=2, max_digits=4, null=True)),
                ('owner_needs_approval', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='ProposedValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period_start', models.DateField()),
                ('period_end', models.DateField()),
                ('value', models.DecimalField(blank=True, decimal_places=8, max_digits=28, null=True)),
                ('numerator', models.DecimalField(blank=True, decimal_places=8, max_digits=28, null=True)),
                ('denominator', models.DecimalField(blank=True, decimal_places=8, max_digits=28, null=True)),
                ('state', models.CharField(max_length=14)),
                ('reason', models.CharField(blank=True, default='', max_length=200)),
                ('kind', models.CharField(max_length=10)),
                ('note', models.CharField(blank=True, default='', max_length=400)),
                ('unusual_by', models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                ('cause', models.TextField(blank=True, default='')),
                ('action', models.TextField(blank=True, default='')),
                ('recovery_on', models.DateField(null=True)),
                ('entered_at', models.DateTimeField()),
                ('outcome', models.CharField(blank=True, choices=[('', 'waiting for approval'), ('approved', 'approved'), ('rejected', 'rejected'), ('replaced', 'replaced by another value')], default='', max_length=8)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decision_reason', models.CharField(blank=True, default='', max_length=200)),
            ],
            options={
                'ordering': ['entered_at', 'id'],
            },
        ),
        migrations.AddField(
            model_name='kpi',
            name='explain_below',
            field=models.DecimalField(blank=True, decimal_places=2, help_text="empty: the organisation's, 0 never asks", max_digits=4, null=True),
        ),
        migrations.AddField(
            model_name='kpi',
            name='needs_approval',
            field=models.BooleanField(default=False, help_text='values by hand wait until the owner approves them'),
        ),
        migrations.AddField(
            model_name='kpi',
            name='unusual_factor',
            field=models.DecimalField(blank=True, decimal_places=2, help_text="empty: the organisation's, 0 never asks", max_digits=6, null=True),
        ),
        migrations.AddField(
            model_name='measurementrevision',
            name='approved_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='measurementrevision',
            name='unusual_by',
            field=models.DecimalField(decimal_places=2, help_text='times the usual move, if the person was asked and meant it', max_digits=12, null=True),
        ),
        migrations.AddConstraint(
            model_name='kpi',
            constraint=models.CheckConstraint(condition=models.Q(('unusual_factor__isnull', True), ('unusual_factor__gte', 0), _connector='OR'), name='kpi_unusual_factor_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='kpi',
            constraint=models.CheckConstraint(condition=models.Q(('explain_below__isnull', True), ('explain_below__range', (0, 10)), _connector='OR'), name='kpi_explain_below_a_score'),
        ),
        migrations.AddConstraint(
            model_name='measurementrevision',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('recorded_by__isnull', False), models.Q(('approved_by', models.F('recorded_by')), _negated=True)), _connector='OR'), name='revision_approved_by_another'),
        ),
        migrations.AddConstraint(
            model_name='entryrules',
            constraint=models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_row_of_entry_rules'),
        ),
        migrations.AddConstraint(
            model_name='entryrules',
            constraint=models.CheckConstraint(condition=models.Q(('unusual_factor__gte', 0)), name='unusual_factor_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='entryrules',
            constraint=models.CheckConstraint(condition=models.Q(('explain_below__isnull', True), ('explain_below__range', (0, 10)), _connector='OR'), name='explain_below_a_score'),
        ),
        migrations.AddField(
            model_name='proposedvalue',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='proposedvalue',
            name='entered_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='proposedvalue',
            name='kpi',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposed_values', to='kpis.kpi'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(('period_start__lt', models.F('period_end'))), name='proposed_period'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['reported', 'provisional', 'not_applicable'])), name='proposed_state_known'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(('value__isnull', False), models.Q(('reason', ''), _negated=True), _connector='OR'), name='proposed_without_value_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'not_applicable'), _negated=True), ('value__isnull', True), _connector='OR'), name='proposed_na_has_no_value'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('denominator__isnull', True), ('numerator__isnull', True)), models.Q(('denominator__isnull', False), ('numerator__isnull', False)), _connector='OR'), name='proposed_ratio_whole'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(('value__isnull', True), models.Q(('value__gt', -100000000000000000000), ('value__lt', 100000000000000000000)), _connector='OR'), name='proposed_value_finite'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.UniqueConstraint(condition=models.Q(('outcome', '')), fields=('kpi', 'period_start'), name='one_value_waits_per_period'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome__in', ['approved', 'rejected']), _negated=True), models.Q(('decided_by__isnull', False), models.Q(('decided_by', models.F('entered_by')), _negated=True)), _connector='OR'), name='proposed_value_decided_by_another'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('outcome', '')), models.Q(models.Q(('outcome', ''), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='proposed_value_decided_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'rejected'), _negated=True), models.Q(('decision_reason', ''), _negated=True), _connector='OR'), name='rejection_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='proposedvalue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('action', ''), ('cause', ''), ('recovery_on__isnull', True)), models.Q(('recovery_on__isnull', False), models.Q(('cause', ''), _negated=True), models.Q(('action', ''), _negated=True)), _connector='OR'), name='proposed_value_explained_wholly'),
        ),
        audited("kpis_entryrules"),
        audited("kpis_proposedvalue"),
    ]
