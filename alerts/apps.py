"""The alerts application."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        """Connect the receivers."""
        from alerts import receivers  # noqa: F401 (connects them)
