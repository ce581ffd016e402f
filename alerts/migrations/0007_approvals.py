from django.db import migrations, models
from django.db.models import Q

KINDS = [
    ("worse", "worse"),
    ("better", "better"),
    ("correction", "correction"),
    ("source_error", "source error"),
    ("suspect", "pull held"),
    ("stale", "stale"),
    ("mention", "mention"),
    ("minutes", "minutes"),
    ("approval", "approval"),
]


class Migration(migrations.Migration):
    dependencies = [("alerts", "0006_sentences")]
    operations = [
        migrations.AlterField("message", "kind", models.CharField(choices=KINDS, max_length=12)),
        migrations.RemoveConstraint("message", "message_about_one_thing"),
        migrations.AddConstraint(
            "message",
            models.CheckConstraint(
                condition=Q(kpi__isnull=False, source__isnull=True)
                | Q(kpi__isnull=True, source__isnull=False)
                | Q(kind__in=["minutes", "approval"], kpi__isnull=True, source__isnull=True),
                name="message_about_one_thing",
            ),
        ),
    ]
