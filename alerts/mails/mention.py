"""The mail to somebody who was named in the talk about a KPI."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from alerts.mails import words
from alerts.mails.layout import LINE, Mail, Reader, lay_out, wrapped

EXCERPT = 600


def write_mention_mail(facts: dict[str, Any], *, reader: Reader, url: str) -> Mail:
    """Write the mail that says who named the reader, in which words, and where to answer."""
    said = {"who": facts["author"], "name": facts["kpi"]["name"]}
    headline = _("%(who)s named you") % said
    quote = _excerpt(facts["body"])
    foot = _("You receive this because you were named. Written on %s.") % words.moment(facts["at"], reader)
    context = {
        "organisation": facts["organisation"],
        "role": _("for %s") % reader.name,
        "preheader": " ".join(quote.split())[:LINE],
        "headline": headline,
        "name": facts["kpi"]["name"],
        "quote": quote,
        "quote_text": "\n".join(wrapped([line], "  > ") if line.strip() else "  >" for line in quote.splitlines()),
        "url": url,
        "foot": foot,
        "foot_text": wrapped([foot], ""),
    }
    return lay_out("alerts/mail/mention", subject=_("%(who)s named you: %(name)s") % said, context=context)


def _excerpt(body: str) -> str:
    return body if len(body) <= EXCERPT else f"{body[:EXCERPT].rsplit(None, 1)[0]} …"
