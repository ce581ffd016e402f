"""What the frame of every page says of the moment: whose installation it is, what waits for the reader.

One statement, because every page pays for it: three through the ORM cost more than the rows of many a page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from alerts.replies import reply_in_words
from kpiplatform.accounts.models import User
from objectives.queries import NAMELESS

DEAD_MAILS_AT_MOST = 3
DEAD_MAILS_SHOWN_FOR = timedelta(days=7)
SILENCE = timedelta(seconds=max(300, 5 * settings.TICK_SECONDS))  # of the clock, before it is said

STATEMENT = """
SELECT
    (SELECT name FROM objectives_organisation),
    (
        SELECT count(*) FROM alerts_incident i JOIN kpis_kpi k ON k.id = i.kpi_id
        WHERE i.closed_at IS NULL AND i.acknowledged_at IS NULL AND k.status = 'active'
            AND (k.owner_id = %(reader)s OR k.deputy_id = %(reader)s)
    ),
    (
        SELECT json_agg(json_build_array(reply, to_whom, about))::text FROM (
            SELECT d.reply, u.name AS to_whom, coalesce(k.name, '') AS about
            FROM alerts_delivery d JOIN accounts_user u ON u.id = d.recipient_id
            JOIN alerts_message m ON m.id = d.message_id LEFT JOIN kpis_kpi k ON k.id = m.kpi_id
            WHERE d.state = 'dead' AND d.finished_at >= %(since)s AND (d.recipient_id = %(reader)s OR EXISTS (
                SELECT FROM objectives_roleassignment WHERE user_id = %(reader)s AND role = 'admin'
            ))
            ORDER BY d.finished_at DESC LIMIT %(most)s
        ) AS dead
    ),
    (
        SELECT heard_at FROM kpis_clock WHERE heard_at < %(silent)s AND EXISTS (
            SELECT FROM objectives_roleassignment WHERE user_id = %(reader)s AND role = 'admin'
        )
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMail:
    """A mail that was given up: the server's last word, to whom it was, about which KPI."""

    reply: str
    to: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The name of the organisation, how many alerts wait for the reader, and the mails given up lately.

    Those are the mails to the reader, for administrators those to anyone. Administrators also read since when no worker
    has asked what is due, where that is long ago.
    """

    organisation: str
    unacknowledged: int
    undelivered: list[DeadMail]
    silent_since: datetime | None


def frame_for(reader: User, *, now: datetime) -> Frame:
    """Return what the frame says to a reader."""
    parameters = {
        "reader": reader.pk,
        "since": now - DEAD_MAILS_SHOWN_FOR,
        "most": DEAD_MAILS_AT_MOST,
        "silent": now - SILENCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, parameters)
        name, waiting, dead, silent_since = cursor.fetchone()
    return Frame(
        organisation=name or NAMELESS,
        unacknowledged=waiting,
        undelivered=[
            DeadMail(reply=reply_in_words(reply), to=to, about=about) for reply, to, about in json.loads(dead or "[]")
        ],
        silent_since=silent_since,
    )
