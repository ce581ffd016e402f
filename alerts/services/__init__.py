"""From judgements to mails that a server accepted."""

from alerts.services.approving import note_proposals
from alerts.services.delivering import Sweep, deliver_due
from alerts.services.incidents import acknowledge, explain, period_to_explain
from alerts.services.mentioning import note_mentions
from alerts.services.noting import Noted, note_judgements
from alerts.services.retrying import try_again
from alerts.services.sources import note_bad_pull
from alerts.services.subscribing import follow, tell, unfollow

__all__ = [
    "Noted",
    "Sweep",
    "acknowledge",
    "deliver_due",
    "explain",
    "follow",
    "note_bad_pull",
    "note_judgements",
    "note_mentions",
    "note_proposals",
    "period_to_explain",
    "tell",
    "try_again",
    "unfollow",
]
