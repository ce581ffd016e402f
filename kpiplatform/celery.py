"""The Celery application: a bell for work that waits in PostgreSQL."""

import gc
import os

from celery import Celery
from celery.signals import worker_init, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kpiplatform.settings")

app = Celery("kpiplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_without_keys(**_: object) -> None:
    """A worker that can read no credential of a source would fail at every pull: it does not start."""
    from kpis.services import credentials

    credentials.refuse_without_keys()


@worker_process_init.connect
def keep_what_was_loaded(**_: object) -> None:
    """What was loaded at the start is no garbage: looking through it took a tenth of a large judgement."""
    gc.freeze()
