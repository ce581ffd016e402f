from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kpis', '0022_recent_periods_of_states'),
    ]

    operations = [
        migrations.AddField(
            model_name='pull',
            name='begins_on',
            field=models.DateField(help_text='the first day that it has rows of, where a period begins earlier', null=True),
        ),
        migrations.AddField(
            model_name='pull',
            name='ends_on',
            field=models.DateField(help_text='the last day that it has rows of, where a period goes on', null=True),
        ),
    ]
