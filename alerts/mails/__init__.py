"""What mails say: words and layout from frozen facts. Reads nothing and sends nothing."""

from alerts.mails.approval import WaitingValue, write_approval_mail
from alerts.mails.band import band_subject, write_band_mail
from alerts.mails.layout import Mail, Picture, Reader
from alerts.mails.mention import write_mention_mail
from alerts.mails.minutes import minutes_subject, write_minutes_mail
from alerts.mails.source import write_source_mail

__all__ = [
    "Mail",
    "Picture",
    "Reader",
    "WaitingValue",
    "band_subject",
    "minutes_subject",
    "write_approval_mail",
    "write_band_mail",
    "write_mention_mail",
    "write_minutes_mail",
    "write_source_mail",
]
