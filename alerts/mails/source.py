"""The mail about a source whose pulls fail, or whose last pull looks wrong and was held."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.mails import words
from alerts.mails.layout import Mail, Reader, lay_out, wrapped
from kpis.domain.sentences import Sentence
from kpis.words import in_words

LISTED = 20


def write_source_mail(facts: dict[str, Any], *, kind: str, reader: Reader, url: str) -> Mail:
    """Write the mail that tells the owner of a source what is wrong and which KPIs keep their last values."""
    source, kpis = facts["source"], facts["kpis"]
    error = in_words(Sentence.stored(facts["error"]), locale=reader.locale) if facts["error"] else ""
    count = len(kpis)
    affected = ngettext("%d KPI keeps its last value", "%d KPIs keep their last values", count) % count
    if kind == "suspect":
        headline = _("Held: looks wrong")
        state = _("pull held, nothing was applied")
        what = [
            _("The pull of %s was held and nothing of it was applied.") % words.moment(facts["at"], reader),
            _("What it read is kept for your decision."),
        ]
        to_do = [_("Look at the source: apply the pull if the rows are right, else correct the source.")]
    else:
        failures = facts["failures"]
        headline = _("Source error")
        state = ngettext("%d failed attempt", "%d failed attempts in a row", failures) % failures
        what = [
            _("The last attempt was on %s.") % words.moment(facts["at"], reader),
            (
                _("Values were last taken over on %s.") % words.moment(facts["last_applied_at"], reader)
                if facts["last_applied_at"]
                else _("No value was ever taken over.")
            ),
            _("It is a file that was sent in: the source reads the next one that is sent.")
            if facts.get("is_sent_in")
            else _("The next attempts follow by themselves; when one succeeds, what was missed is fetched."),
        ]
        to_do = [
            _("Look at the source and send a file that can be read. Until then, the scorecard marks these KPIs.")
            if facts.get("is_sent_in")
            else _("Look at the source. Until it answers, the scorecard marks these KPIs.")
        ]
    listed = kpis[:LISTED]
    more = count - len(listed)
    context = {
        "organisation": facts["organisation"],
        "role": _("notice for %s, owner of the source") % reader.name,
        "preheader": f"{state}. {affected}.",
        "headline": headline,
        "state": state,
        "name": source,
        "error": error,
        "error_text": wrapped([error]),
        "what": " ".join(what),
        "what_text": wrapped(what),
        "to_do": " ".join(to_do),
        "to_do_text": wrapped(to_do),
        "affected": affected,
        "kpis": listed,
        "more": ngettext("and %d more", "and %d more", more) % more if more else "",
        "url": url,
        "foot": _("You receive this as the owner of the source."),
    }
    return lay_out("alerts/mail/source", subject=f"{source}: {state}, {affected}", context=context)
