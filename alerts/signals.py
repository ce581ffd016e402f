"""A nudge that mails wait to be sent. Nothing depends on it: a sweep finds them too."""

from django.dispatch import Signal

# Sent after the commit that owed the deliveries.
deliveries_owed = Signal()
