"""The mail to somebody for whose approval values wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.mails.layout import Mail, Reader, lay_out, wrapped

LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingValue:
    """A value as it stands in the mail."""

    what: str
    value: str
    by: str
    confidence: str


def write_approval_mail(facts: dict[str, Any], values: Sequence[WaitingValue], *, reader: Reader, url: str) -> Mail:
    """Write the mail that lists the values that wait, and leads to where they are approved or rejected."""
    count = len(values)
    subject = approval_subject(count)
    to_do = [
        _("Approve or reject them: until then they do not count."),
        _("Whoever entered a value cannot approve it."),
    ]
    listed = values[:LISTED]
    more = count - len(listed)
    foot = _("You receive this because you decide about values of these KPIs.")
    context = {
        "organisation": facts["organisation"],
        "role": _("for %s") % reader.name,
        "preheader": "; ".join(f"{one.what}: {one.value}" for one in listed[:3]),
        "headline": subject,
        "to_do": " ".join(to_do),
        "to_do_text": wrapped(to_do),
        "values": listed,
        "more": ngettext("and %d more", "and %d more", more) % more if more else "",
        "url": url,
        "foot": foot,
        "foot_text": wrapped([foot], ""),
    }
    return lay_out("alerts/mail/approval", subject=subject, context=context)


def approval_subject(count: int) -> str:
    """Return the subject: how many values wait."""
    return ngettext("%d value waits for your approval", "%d values wait for your approval", count) % count
