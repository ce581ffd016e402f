from django.db import migrations


class Migration(migrations.Migration):
    """States lose the index of days that are due: whose health may have changed is found by more than that."""

    dependencies = [("kpis", "0023_cut_periods")]
    operations = [migrations.RemoveIndex(model_name="kpistate", name="kpi_state_due")]
