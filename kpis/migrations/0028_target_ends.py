from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kpis", "0027_unfed_groups")]
    operations = [
        migrations.RemoveConstraint(model_name="target", name="target_is_a_value_or_a_range"),
        migrations.AddConstraint(
            model_name="target",
            constraint=models.CheckConstraint(
                condition=models.Q(value__isnull=False, low__isnull=True, high__isnull=True)
                | models.Q(value__isnull=True, low__isnull=False, high__isnull=False, low__lte=models.F("high"))
                | models.Q(value__isnull=True, low__isnull=True, high__isnull=True),
                name="target_is_a_value_a_range_or_an_end",
            ),
        ),
    ]
