import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import kpis.models.source
from kpiplatform.audit.operations import audited

COLUMNS = """
    code, name, kind, config, owner_id, pull_at, look_back_days, may_be_empty, is_enabled{more}
"""
AUDIT = """
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF {columns}
    ON kpis_datasource FOR EACH ROW EXECUTE FUNCTION audit_write()
"""
SCHEDULE = ", repeats, hours_apart, weekdays, day_of_month, is_snapshot"


class Migration(migrations.Migration):
    dependencies = [
        ("kpis", "0005_quality"),
        ("audit", "0003_secrets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SourceCredential",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("ciphertext", models.TextField()),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SourceUpload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("uploaded_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="SourceUploadPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="datasource",
            name="source_kind_known",
        ),
        migrations.AddField(
            model_name="datasource",
            name="day_of_month",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="datasource",
            name="hours_apart",
            field=models.PositiveSmallIntegerField(default=12),
        ),
        migrations.AddField(
            model_name="datasource",
            name="is_snapshot",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="datasource",
            name="repeats",
            field=models.CharField(
                choices=[
                    ("daily", "every day"),
                    ("hourly", "every few hours"),
                    ("weekdays", "on some weekdays"),
                    ("monthly", "once a month"),
                ],
                default="daily",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="datasource",
            name="weekdays",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveSmallIntegerField(), default=kpis.models.source.working_week
            ),
        ),
        migrations.AlterField(
            model_name="datasource",
            name="config",
            field=models.JSONField(default=dict, help_text="the settings of its kind, see kpis/sources; no secrets"),
        ),
        migrations.AlterField(
            model_name="datasource",
            name="kind",
            field=models.CharField(
                choices=[
                    ("csv_file", "CSV file"),
                    ("xlsx_file", "Excel workbook"),
                    ("sql_query", "SQL query"),
                    ("http_json", "JSON over HTTP"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="datasource",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["csv_file", "xlsx_file", "sql_query", "http_json"])),
                name="source_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("day_of_month__range", (1, 31)),
                    ("hours_apart__in", (1, 2, 3, 4, 6, 8, 12)),
                    ("repeats__in", ["daily", "hourly", "weekdays", "monthly"]),
                    ("weekdays__contained_by", [1, 2, 3, 4, 5, 6, 7]),
                    ("weekdays__len__gte", 1),
                ),
                name="source_schedule_possible",
            ),
        ),
        migrations.AddField(
            model_name="sourcecredential",
            name="changed_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="sourcecredential",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="credentials", to="kpis.datasource"
            ),
        ),
        migrations.AddField(
            model_name="sourceupload",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="uploads", to="kpis.datasource"
            ),
        ),
        migrations.AddField(
            model_name="sourceupload",
            name="uploaded_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="sourceuploadpart",
            name="upload",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="kpis.sourceupload"
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcecredential",
            constraint=models.UniqueConstraint(fields=("source", "name"), name="one_credential_per_setting"),
        ),
        migrations.AddConstraint(
            model_name="sourcecredential",
            constraint=models.CheckConstraint(
                condition=models.Q(("ciphertext__startswith", "gAAAA")), name="credential_encrypted"
            ),
        ),
        migrations.AddConstraint(
            model_name="sourceuploadpart",
            constraint=models.UniqueConstraint(fields=("upload", "seq"), name="one_upload_part_per_place"),
        ),
        migrations.RunSQL(
            AUDIT.format(columns=COLUMNS.format(more=SCHEDULE)), AUDIT.format(columns=COLUMNS.format(more=""))
        ),
        audited("kpis_sourcecredential"),
        audited("kpis_sourceupload"),
    ]
