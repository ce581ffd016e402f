"""Ringing the workers. A bell may be lost: the rows stay, and a sweep follows."""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError

from kpiplatform.dashboards.tasks import load_sample_organisation, send_invitations

log = logging.getLogger(__name__)


def ring_invitations() -> None:
    """Ask a worker to send the invitations that are owed."""
    try:
        send_invitations.delay()
    except OperationalError:
        log.warning("the broker does not answer; invitations wait for the sweep")


def ring_sample() -> bool:
    """Ask a worker to load the sample organisation; return whether anybody can have heard."""
    try:
        load_sample_organisation.delay()
    except OperationalError:
        log.warning("the broker does not answer; the sample organisation is not being loaded")
        return False
    return True
