"""The project, itself an installed app."""

from kpiplatform.celery import app as celery_app

__all__ = ["celery_app"]
