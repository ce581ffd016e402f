"""The application of a worker of the benchmark (`-A benchmarks.apart`): all its tasks go to the queue it was given."""

import os

from kpiplatform.celery import app

app.conf.update(
    task_default_queue=os.environ["KPI_BENCH_QUEUE"], task_routes={"*": {"queue": os.environ["KPI_BENCH_QUEUE"]}}
)
