"""What mails say: words and layout from frozen facts. Reads nothing and sends nothing."""

from alerts.mails.band import write_band_mail
from alerts.mails.layout import Mail, Picture, Reader
from alerts.mails.source import write_source_mail

__all__ = ["Mail", "Picture", "Reader", "write_band_mail", "write_source_mail"]
