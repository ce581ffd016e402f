import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from kpiplatform.audit.operations import audited


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_history'),
        ('audit', '0002_functions'),
    ]

    operations = [
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('owed', 'on its way'), ('sent', 'sent'), ('failed', 'could not be sent')], default='owed', max_length=6)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('reply', models.CharField(blank=True, default='', max_length=300)),
                ('invited_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['owed', 'sent', 'failed'])), name='invitation_state_known'), models.UniqueConstraint(condition=models.Q(('state', 'owed')), fields=('user',), name='one_owed_invitation_per_person')],
            },
        ),
        audited('accounts_invitation'),
    ]
