"""What happened in reviews. Receivers write in the same transaction."""

from django.dispatch import Signal

# Sent once, inside the transaction that closes a review. review: Review; minutes: dict, the frozen record;
# recipients: list[User], who took part; now: datetime.
review_closed = Signal()
