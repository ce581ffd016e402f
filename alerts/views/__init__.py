"""The inbox, one incident, mails and subscriptions; and the mailbox of the demo."""

from alerts.views.deliveries import deliveries, retry
from alerts.views.incidents import acknowledge, inbox, incident, of_kpi
from alerts.views.mailbox import mailbox_html, mailbox_list, mailbox_message
from alerts.views.subscriptions import subscription, subscriptions

__all__ = [
    "acknowledge",
    "deliveries",
    "inbox",
    "incident",
    "mailbox_html",
    "mailbox_list",
    "mailbox_message",
    "of_kpi",
    "retry",
    "subscription",
    "subscriptions",
]
