import django.db.models.deletion
from django.db import migrations, models

ASKED_AT = models.DateTimeField(help_text="when it opened, or grew worse than it had been")
KINDS = [
    ("worse", "worse"),
    ("better", "better"),
    ("correction", "correction"),
    ("source_error", "source error"),
    ("suspect", "pull held"),
    ("stale", "stale"),
    ("mention", "mention"),
]


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_dead_mails"), ("kpis", "0003_mentions")]
    operations = [
        migrations.AddField("incident", "explanation_asked_at", models.DateTimeField(null=True)),
        migrations.RunSQL("UPDATE alerts_incident SET explanation_asked_at = opened_at", migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField("incident", "explanation_asked_at", ASKED_AT),
        migrations.AlterField("message", "kind", models.CharField(choices=KINDS, max_length=12)),
        migrations.AddField(
            model_name="message",
            name="commentary",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="messages",
                to="kpis.commentary",
            ),
        ),
    ]
