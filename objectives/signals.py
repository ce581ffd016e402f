"""What happened to the strategy and the organisation. Receivers write in the same transaction."""

from django.dispatch import Signal

# Sent inside the transaction that changed what an objective's score is made of.
# objective_ids: list[int]; now: datetime.
objectives_changed = Signal()

# Sent inside the transaction, before a weight or a score by hand is noted for an objective from a day on. A receiver
# that knows why this may not be raises Refused. objective: Objective; since: date.
objective_counts_anew = Signal()

# Sent inside the transaction that hung a unit, with all below it, below another one. A receiver that knows why this may
# not be raises Refused. unit: Unit, as it is now; before: str, its path until now.
unit_moved = Signal()
