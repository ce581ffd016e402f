"""When the clock was last heard."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kpis", "0024_fewer_indexes_of_states")]

    operations = [
        migrations.CreateModel(
            name="Clock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("heard_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="one_clock")],
            },
        ),
    ]
