"""Writing many rows at once: COPY into a temporary table, then one statement. The only raw bulk writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import batched
from typing import Any

from django.db import connection

from kpis.readings import Origin, Reading

INCOMING = """kpi_id bigint, period_start date, period_end date, value numeric(28,8), numerator numeric(28,8),
    denominator numeric(28,8), state text, reason text"""

ROWS_A_BLOCK = 5000
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

# One statement, one snapshot: what differs from what we have becomes a revision and the value as known now. Both are
# written in the order of their keys, since what was sorted once is read again in its order.
# A person's correction stays until the source says something new: a pull that repeats what it said before is left out.
STORE = """
WITH changed AS MATERIALIZED (
    SELECT i.*, m.place, coalesce(m.seq, 0) + 1 AS seq
    FROM incoming i LEFT JOIN LATERAL (
        SELECT k.ctid AS place, k.* FROM kpis_measurement k
        WHERE k.kpi_id = i.kpi_id AND k.period_start = i.period_start LIMIT 1
    ) AS m ON true
    WHERE m.seq IS NULL
       OR (i.value, i.numerator, i.denominator, i.state, i.reason)
          IS DISTINCT FROM (m.value, m.numerator, m.denominator, m.state::text, m.reason::text)
          AND NOT (%(kind)s = 'pull' AND EXISTS (
              SELECT 1 FROM kpis_measurementrevision said
              JOIN kpis_measurementrevision pulled
                ON pulled.kpi_id = said.kpi_id AND pulled.period_start = said.period_start AND pulled.seq = (
                    SELECT max(p.seq) FROM kpis_measurementrevision p
                    WHERE p.kpi_id = said.kpi_id AND p.period_start = said.period_start AND p.kind = 'pull')
              WHERE said.kpi_id = m.kpi_id AND said.period_start = m.period_start AND said.seq = m.seq
                AND said.kind <> 'pull'
                AND (i.value, i.numerator, i.denominator, i.state)
                    IS NOT DISTINCT FROM (pulled.value, pulled.numerator, pulled.denominator, pulled.state::text)))
    ORDER BY i.kpi_id, i.period_start
), revised AS (
    INSERT INTO kpis_measurementrevision (kpi_id, period_start, period_end, seq, value, numerator, denominator,
        state, reason, kind, note, pull_id, recorded_by_id, recorded_at, approved_by_id, unusual_by)
    SELECT kpi_id, period_start, period_end, seq, value, numerator, denominator, state, reason,
        %(kind)s, %(note)s, %(pull)s, %(user)s, %(now)s, %(approved_by)s, %(unusual_by)s
    FROM changed
), added AS (
    INSERT INTO kpis_measurement (kpi_id, period_start, period_end, value, numerator, denominator, state, reason,
        seq, recorded_at)
    SELECT kpi_id, period_start, period_end, value, numerator, denominator, state, reason, 1, %(now)s
    FROM changed WHERE seq = 1
), corrected AS (
    UPDATE kpis_measurement m
    SET period_end = c.period_end, value = c.value, numerator = c.numerator, denominator = c.denominator,
        state = c.state, reason = c.reason, seq = c.seq, recorded_at = %(now)s
    FROM changed c WHERE c.seq > 1 AND m.ctid = c.place
)
SELECT kpi_id, min(period_start), count(*) FILTER (WHERE seq = 1), count(*) FILTER (WHERE seq > 1)
FROM changed GROUP BY kpi_id ORDER BY kpi_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What changed of one KPI: the first period concerned, how many values are new, how many revised."""

    kpi_id: int
    first_period: date
    new: int
    revised: int


# In the FROM of a statement: those that follow in its transaction find rows by their keys. Where the planner takes a
# table for a nearly empty one it would read it whole for every row that is looked up, also when the statement itself
# fills it, or when a prepared plan outlives the small table.
BY_KEY = "set_config('enable_seqscan', 'off', true) AS by_key"


def store_readings(readings: Sequence[Reading], *, origin: Origin, now: datetime) -> list[Stored]:
    """Write the readings that differ from what is stored, as revisions and measurements; return what changed.

    Must run inside a transaction that holds the state rows of the KPIs; whatever follows in it looks rows up by keys.
    """
    with connection.cursor() as cursor:
        _bring(cursor, readings)
        cursor.execute(f"SELECT FROM {BY_KEY}")
        cursor.execute(
            STORE,
            {
                "kind": origin.kind,
                "note": origin.note,
                "pull": origin.pull_id,
                "user": origin.user_id,
                "now": now,
                "approved_by": origin.approved_by_id,
                "unusual_by": origin.unusual_by,
            },
        )
        rows = cursor.fetchall()
        return [
            Stored(kpi_id=kpi_id, first_period=first, new=new, revised=revised) for kpi_id, first, new, revised in rows
        ]


def _bring(cursor: Any, readings: Sequence[Reading]) -> None:
    """Make the readings the content of a temporary table until the transaction ends.

    The table itself stays with the connection: making it anew costs more than a small batch takes to store. Each row
    is written as the text that COPY reads, which takes a third of the time that adapting its values one by one does.
    """
    cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS incoming ({INCOMING}) ON COMMIT DELETE ROWS")
    cursor.execute("DELETE FROM incoming")
    days = _Days()
    with cursor.copy("COPY incoming FROM STDIN") as copy:
        for some in batched(readings, ROWS_A_BLOCK):
            copy.write("".join([_line(reading, days) for reading in some]))


class _Days(dict[date, str]):
    """Days as texts, each written once: many readings are of the same periods."""

    def __missing__(self, day: date) -> str:
        text = self[day] = str(day)
        return text


def _line(reading: Reading, days: Mapping[date, str]) -> str:
    kpi_id, start, end, value, numerator, denominator, state, reason = reading
    parts = "\\N\t\\N" if numerator is None and denominator is None else f"{_cell(numerator)}\t{_cell(denominator)}"
    if reason:
        reason = reason.translate(ESCAPES)
    return f"{kpi_id}\t{days[start]}\t{days[end]}\t{_cell(value)}\t{parts}\t{state}\t{reason}\n"


def _cell(number: Decimal | None) -> str:
    return "\\N" if number is None else str(number)


def as_array(values: Iterable[Any]) -> str:
    """Return numbers, days or texts as PostgreSQL writes an array of them: psycopg takes a list value by value."""
    texts = ["NULL" if value is None else _quoted(value) if isinstance(value, str) else str(value) for value in values]
    return "{" + ",".join(texts) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_arrays(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the columns of some rows, at least one, each as an array."""
    return [as_array(column) for column in zip(*rows, strict=True)]


def copy_rows(cursor: Any, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Stream `rows` into the COPY statement; they must be at hand, a query during COPY would wait for ever."""
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
