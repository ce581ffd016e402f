"""What happened to the strategy. Receivers write in the same transaction."""

from django.dispatch import Signal

# Sent inside the transaction that changed what an objective's score is made of.
# objective_ids: list[int]; now: datetime.
objectives_changed = Signal()
