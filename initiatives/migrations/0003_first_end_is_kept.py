from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("initiatives", "0002_history")]
    operations = [
        migrations.AddField(
            model_name="initiative",
            name="first_ends_on",
            field=models.DateField(blank=True, help_text="the end planned first, once it has moved", null=True),
        ),
    ]
