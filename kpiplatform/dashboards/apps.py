from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    name = "kpiplatform.dashboards"
    label = "dashboards"
