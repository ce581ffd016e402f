import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kpis', '0010_restatements'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='evaluation',
            name='evaluation_by_end',
        ),
        migrations.AlterField(
            model_name='evaluation',
            name='kpi',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='evaluations', to='kpis.kpi'),
        ),
        migrations.AlterField(
            model_name='measurement',
            name='kpi',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='measurements', to='kpis.kpi'),
        ),
        migrations.AlterField(
            model_name='measurementrevision',
            name='kpi',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='kpis.kpi'),
        ),
        migrations.AlterField(
            model_name='measurementrevision',
            name='pull',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='kpis.pull'),
        ),
        migrations.AlterField(
            model_name='measurementrevision',
            name='recorded_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='measurementrevision',
            index=models.Index(condition=models.Q(('pull__isnull', False)), fields=['pull'], name='revision_by_pull'),
        ),
    ]
