"""What is done to people themselves: inviting, changing, closing and opening their accounts."""

from kpiplatform.accounts.services.inviting import deliver_invitations, invite, password_link, send_invitation
from kpiplatform.accounts.services.people import close_account, edit_person, reopen_account

__all__ = [
    "close_account",
    "deliver_invitations",
    "edit_person",
    "invite",
    "password_link",
    "reopen_account",
    "send_invitation",
]
