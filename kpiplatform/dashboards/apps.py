from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    name = "kpiplatform.dashboards"
    label = "dashboards"

    def ready(self) -> None:
        """Connect what one app does to what another says of it."""
        from kpiplatform.dashboards import minutes  # noqa: F401 (connects it)
