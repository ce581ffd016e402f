"""From judgements to mails that a server accepted."""

from alerts.services.delivering import Sweep, deliver_due
from alerts.services.incidents import acknowledge
from alerts.services.noting import Noted, note_judgements
from alerts.services.sources import note_bad_pull

__all__ = ["Noted", "Sweep", "acknowledge", "deliver_due", "note_bad_pull", "note_judgements"]
