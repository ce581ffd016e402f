import django.db.models.deletion
import uuid
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
            name='AlertState',
            fields=[
                ('kpi', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='alert_state', serialize=False, to='kpis.kpi')),
                ('confirmed_band', models.CharField(blank=True, default='', max_length=10)),
                ('confirmed_since', models.DateField(null=True)),
                ('pending', models.JSONField(default=list, help_text='observed bands not yet confirmed, oldest first')),
                ('folded_through', models.DateField(null=True)),
                ('seq', models.PositiveIntegerField(default=0, help_text='of the last crossing')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('confirmed_band__in', ['', 'on_track', 'at_risk', 'off_track'])), name='confirmed_band_known')],
            },
        ),
        migrations.CreateModel(
            name='BandCrossing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveIntegerField()),
                ('from_band', models.CharField(blank=True, max_length=10)),
                ('to_band', models.CharField(max_length=10)),
                ('period_start', models.DateField()),
                ('period_end', models.DateField()),
                ('cause', models.CharField(choices=[('first', 'first judgement'), ('value', 'a new value'), ('correction', 'a correction'), ('edit', 'a changed target or threshold')], max_length=10)),
                ('value', models.DecimalField(decimal_places=8, max_digits=28, null=True)),
                ('goal', models.DecimalField(decimal_places=8, max_digits=28, null=True)),
                ('red_flag', models.DecimalField(decimal_places=8, max_digits=28, null=True)),
                ('rule_version', models.PositiveIntegerField(default=0, help_text='0: the defaults of the frequency')),
                ('recorded_at', models.DateTimeField()),
                ('kpi', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='crossings', to='kpis.kpi')),
            ],
            options={
                'indexes': [models.Index(fields=['recorded_at'], name='crossing_by_time')],
                'constraints': [models.UniqueConstraint(fields=('kpi', 'seq'), name='one_crossing_per_seq'), models.CheckConstraint(condition=models.Q(('from_band', models.F('to_band')), _negated=True), name='crossing_changes_band'), models.CheckConstraint(condition=models.Q(('from_band__in', ['', 'on_track', 'at_risk', 'off_track']), ('to_band__in', ['on_track', 'at_risk', 'off_track'])), name='crossing_bands_known')],
            },
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('worst_band', models.CharField(max_length=10)),
                ('opened_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('explanation_due_on', models.DateField(blank=True, null=True)),
                ('acknowledged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('kpi', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='incidents', to='kpis.kpi')),
                ('opened_by', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='incident', to='alerts.bandcrossing')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('kpi',), name='one_open_incident_per_kpi'), models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('acknowledged_by__isnull', True)), models.Q(('acknowledged_at__isnull', False), ('acknowledged_by__isnull', False)), _connector='OR'), name='acknowledged_by_someone')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dedup_key', models.CharField(max_length=200, unique=True)),
                ('kind', models.CharField(choices=[('worse', 'worse'), ('better', 'better'), ('correction', 'correction'), ('source_error', 'source error'), ('suspect', 'pull held'), ('stale', 'stale')], max_length=12)),
                ('facts', models.JSONField(help_text='all that the text says, as it was known then')),
                ('created_at', models.DateTimeField()),
                ('crossing', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='alerts.bandcrossing')),
                ('kpi', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='kpis.kpi')),
                ('source', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='kpis.datasource')),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('channel', models.CharField(default='email', max_length=10)),
                ('state', models.CharField(choices=[('pending', 'pending'), ('leased', 'being sent'), ('sent', 'sent'), ('dead', 'given up'), ('suppressed', 'not sent')], default='pending', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField(null=True)),
                ('reply', models.CharField(blank=True, default='', help_text="the server's last word, or why not", max_length=500)),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to=settings.AUTH_USER_MODEL)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='alerts.message')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['pending', 'leased'])), fields=['next_attempt_at'], name='delivery_owed')],
                'constraints': [models.UniqueConstraint(fields=('message', 'recipient', 'channel'), name='one_delivery_per_recipient'), models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'leased', 'sent', 'dead', 'suppressed'])), name='delivery_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ['pending', 'leased'])), models.Q(('finished_at__isnull', False), ('state__in', ['sent', 'dead', 'suppressed'])), _connector='OR'), name='final_delivery_has_an_end')],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('as_owner', models.BooleanField(default=False, help_text='made for the owner of the KPI by default')),
                ('worst_only', models.BooleanField(default=False, help_text='only when off track is reached or left')),
                ('when', models.CharField(choices=[('now', 'at once'), ('digest', 'in the digest')], default='now', max_length=6)),
                ('is_active', models.BooleanField(default=True)),
                ('kpi', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='kpis.kpi')),
                ('objective', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='objectives.objective')),
                ('unit', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='objectives.unit')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kpi__isnull', False), ('objective__isnull', True), ('unit__isnull', True)), models.Q(('kpi__isnull', True), ('objective__isnull', False), ('unit__isnull', True)), models.Q(('kpi__isnull', True), ('objective__isnull', True), ('unit__isnull', False)), _connector='OR'), name='subscription_to_one_thing'), models.UniqueConstraint(fields=('user', 'kpi', 'objective', 'unit'), name='subscribed_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('when__in', ['now', 'digest'])), name='subscription_when_known')],
            },
        ),
        migrations.AddField(
            model_name='message',
            name='subscription',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='messages', to='alerts.subscription'),
        ),
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('band', models.CharField(max_length=10)),
                ('seq', models.PositiveIntegerField()),
                ('told_at', models.DateTimeField(help_text='empty: noted without a message', null=True)),
                ('kpi', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='announcements', to='kpis.kpi')),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='announcements', to='alerts.subscription')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subscription', 'kpi'), name='one_announcement_per_kpi')],
            },
        ),
        migrations.CreateModel(
            name='AlertRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1)),
                ('effective_from', models.DateField()),
                ('margin', models.DecimalField(decimal_places=8, default=0, max_digits=28)),
                ('confirm_periods', models.PositiveSmallIntegerField(default=1)),
                ('alert_on_provisional', models.BooleanField(default=False)),
                ('recorded_at', models.DateTimeField()),
                ('kpi', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alert_rules', to='kpis.kpi')),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('kpi', 'version'), name='alert_rule_version_once'), models.CheckConstraint(condition=models.Q(('margin__gte', 0), ('margin__lt', 100000000000000000000)), name='margin_not_negative'), models.CheckConstraint(condition=models.Q(('confirm_periods__range', (1, 12))), name='confirm_1_to_12')],
            },
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kpi__isnull', False), ('source__isnull', True)), models.Q(('kpi__isnull', True), ('source__isnull', False)), _connector='OR'), name='message_about_one_thing'),
        ),
    ]
