"""The WSGI entry point that gunicorn loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kpiplatform.settings")
application = get_wsgi_application()

from django.db import connections  # noqa: E402 (the applications are loaded now)

from kpis.services.credentials import refuse_without_keys  # noqa: E402

refuse_without_keys()
connections.close_all()  # processes that are forked from this one open their own
