"""What is done to people themselves: inviting, changing, closing and opening their accounts."""

from kpiplatform.accounts.services.inviting import deliver_invitations, invite, password_link, send_invitation
from kpiplatform.accounts.services.people import (
    NotActive,
    close_account,
    edit_person,
    follow_clock,
    lock_active,
    reopen_account,
)

__all__ = [
    "NotActive",
    "close_account",
    "deliver_invitations",
    "edit_person",
    "follow_clock",
    "invite",
    "lock_active",
    "password_link",
    "reopen_account",
    "send_invitation",
]
