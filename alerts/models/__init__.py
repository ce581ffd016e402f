"""Crossings, who is told of them, and what became of each message."""

from alerts.models.crossing import AlertRule, AlertState, BandCrossing, Incident
from alerts.models.message import Delivery, Message
from alerts.models.subscription import Announcement, Subscription

__all__ = [
    "AlertRule",
    "AlertState",
    "Announcement",
    "BandCrossing",
    "Delivery",
    "Incident",
    "Message",
    "Subscription",
]
