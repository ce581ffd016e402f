from django.apps import AppConfig


class PlatformConfig(AppConfig):
    name = "kpiplatform"

    def ready(self) -> None:
        """Register the checks of the installation."""
        from kpiplatform import checks  # noqa: F401
