"""What a worker does once, when it starts."""

import gc

from celery.signals import worker_process_init


def test_a_worker_does_not_look_for_garbage_in_what_it_loaded_at_its_start():
    try:
        worker_process_init.send(sender=None)
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
