"""Initiatives as they were known on a past day: their states, dates and promises of then, from the audit trail."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.urls import reverse

from initiatives.as_known import answers_then
from initiatives.models import Initiative
from objectives.models import Role
from tests.factories import a_kpi, a_role
from tests.initiatives.factories import a_milestone, a_promise, an_initiative

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DUE = date(2026, 12, 4)


def clock() -> datetime:
    """The audit trail goes by the clock of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def test_what_was_open_and_late_then_counts_then_whatever_became_of_it():
    kpi, work = a_kpi(), an_initiative(status="running")
    step = a_milestone(work, due_on=DUE)
    before = clock()
    promise = a_promise(work, kpi, registered_at=clock())
    promised = clock()
    step.done_on = DUE
    step.save()
    ticked = clock()
    Initiative.objects.update(status="done")
    ended = clock()
    promise.delete()

    def then(at: datetime) -> dict[int, tuple[int, int]]:
        return answers_then(kpi_ids=[kpi.pk], known_at=at, today=DUE + timedelta(days=1))

    assert [then(at) for at in (before, promised, ticked, ended)] == [{}, {kpi.pk: (1, 1)}, {kpi.pk: (1, 0)}, {}]
    assert then(clock()) == {}


def brought_in(work: Initiative) -> None:
    """Let the trail say that the initiative is old by its own account, as one that came from elsewhere."""
    said = [LONG_AGO.isoformat(), LONG_AGO.isoformat(), str(work.pk), str(work.pk)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER append_only")
        cursor.execute(
            """UPDATE audit_auditentry SET after = CASE "table" WHEN 'initiatives_initiative'
                THEN after || jsonb_build_object('created_at', %s::text)
                ELSE after || jsonb_build_object('registered_at', %s::text) END
            WHERE "table" = 'initiatives_initiative' AND "row" = %s
                OR "table" = 'initiatives_expectedimpact' AND after ->> 'initiative_id' = %s""",
            said,
        )


def test_what_was_brought_in_with_its_past_counts_since_it_was_there_by_its_own_account():
    kpi = a_kpi()
    old, new = an_initiative(status="running"), an_initiative(status="running")
    for work in (old, new):
        a_milestone(work, due_on=date(2020, 6, 1))
        a_promise(work, kpi)
    brought_in(old)
    asked = {"known_at": datetime(2021, 1, 1, tzinfo=UTC), "today": date(2020, 12, 31)}
    assert answers_then(kpi_ids=[kpi.pk], **asked) == {kpi.pk: (1, 1)}


def test_pages_of_a_past_day_show_the_initiatives_of_then(client):
    kpi = a_kpi(tier="strategic", created_at=LONG_AGO)
    a_role(kpi.owner, Role.EXECUTIVE)
    client.force_login(kpi.owner)
    old, new = an_initiative("Night shift", owner=kpi.owner), an_initiative("Day shift", owner=kpi.owner)
    for work in (old, new):
        a_promise(work, kpi)
    brought_in(old)
    day = {"known": "2021-01-01"}
    boards = [reverse("scorecard"), reverse("unit", args=[kpi.unit.code])]
    for board, known, words in [
        (one, *said) for one in boards for said in ((day, "1 initiative"), ({}, "2 initiatives"))
    ]:
        (row,) = client.get(board, known).context["rows"]
        assert row.answer_words == words
    (shown,) = client.get(reverse("kpi", args=[kpi.code]), day).context["initiatives"]
    assert (shown.name, shown.is_open_to_reader) == ("Night shift", True)
