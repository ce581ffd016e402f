"""The mail with the minutes of a review."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.mails import words
from alerts.mails.layout import Mail, Reader, lay_out, wrapped
from kpis.dates import day


def minutes_subject(facts: dict[str, Any]) -> str:
    """Return the subject: whose minutes, of which day, and how much came of it."""
    decisions, actions = len(facts["decisions"]), len(facts["actions"])
    return _("Minutes: %(forum)s, %(day)s: %(decisions)s, %(actions)s") % {
        "forum": facts["forum"]["name"],
        "day": day(date.fromisoformat(facts["held_on"])),
        "decisions": ngettext("%d decision", "%d decisions", decisions) % decisions,
        "actions": ngettext("%d action", "%d actions", actions) % actions,
    }


def write_minutes_mail(facts: dict[str, Any], *, reader: Reader, reader_id: int, url: str) -> Mail:
    """Write the minutes for one reader: what is theirs to do comes first."""
    actions = [_action(row) for row in facts["actions"]]
    own = [row for row in actions if row["owner_id"] == reader_id and not row["done_on"]]
    others = [row for row in actions if row not in own]
    decisions = [_decision(row) for row in facts["decisions"]]
    agenda = [
        {
            "name": row["name"],
            "band": words.band_name(row["band"]),
            "shape": words.SHAPES[row["band"]],
            "kind": words.KINDS[row["band"]],
        }
        for row in facts["agenda"]
    ]
    count = len(own)
    yours = (
        ngettext("%d action is yours.", "%d actions are yours.", count) % count if count else _("No action is yours.")
    )
    people = ", ".join(person["name"] for person in facts["people"])
    context = {
        "organisation": facts["organisation"],
        "role": _("minutes for %s") % reader.name,
        "preheader": yours,
        "headline": _("Minutes"),
        "day": words.long_day(facts["held_on"]),
        "name": facts["forum"]["name"],
        "yours": yours,
        "summary": facts["summary"],
        "summary_text": "\n".join(wrapped([line]) for line in facts["summary"].splitlines() if line.strip()),
        "own": own,
        "others": others,
        "others_title": _("Other actions") if own else _("Actions"),
        "decisions": decisions,
        "agenda": agenda,
        "carried": [_action(row) for row in facts["carried"]],
        "people": people,
        "people_text": wrapped([people]),
        "closed": _("Closed by %(who)s on %(at)s.")
        % {"who": facts["closed_by"], "at": words.moment(facts["closed_at"], reader)},
        "url": url,
        "foot": _("You receive this because you took part, or because something was given to you."),
    }
    return lay_out("alerts/mail/minutes", subject=minutes_subject(facts), context=context)


def _action(row: dict[str, Any]) -> dict[str, Any]:
    due = _("done") if row["done_on"] else _("by %s") % day(date.fromisoformat(row["due_on"]))
    text = wrapped([f"{row['text']} ({row['owner']}, {due})"], "    ")
    return {**row, "due": due, "line": f"  - {text.lstrip()}"}


def _decision(row: dict[str, Any]) -> dict[str, Any]:
    text = wrapped([f"{row['title']}: {row['outcome']}"], "    ")
    return {**row, "line": f"  - {text.lstrip()}"}
