"""Telling a worker at once that a pull was asked for; without it the next tick finds the pull."""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError

from kpis.models import DataSource, Pull
from kpis.tasks import pull_source

log = logging.getLogger(__name__)


def ring(source: DataSource, asked: Pull) -> None:
    """Let a worker take up the pull; a broker that does not answer is only noted."""
    try:
        pull_source.delay(source.pk, asked.slot.isoformat())
    except OperationalError:
        log.warning("the broker does not answer; the pull of %s waits for the next tick", source.code)
