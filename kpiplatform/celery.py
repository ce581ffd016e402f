"""The Celery application: a bell for work that waits in PostgreSQL."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kpiplatform.settings")

app = Celery("kpiplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
