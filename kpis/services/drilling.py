"""Reading a source again for one value: the rows behind it, and what it gives now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from kpis.domain.periods import Period
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.models import Kpi, SourceAgreement
from kpis.queries import calendars
from kpis.readings import Reading
from kpis.services.checking import rules_of_source
from kpis.services.pulling import mapped_kpi, of_kpi
from kpis.services.reaching import reached
from kpis.sources.base import SourceError, Window
from kpis.sources.mapping import MappingError

if TYPE_CHECKING:
    from kpis.sources.drilling import RowPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """The rows of one part of a value, how many each part has, and the value that they give now."""

    page: RowPage
    part: str
    counts: dict[str, int]
    reading: Reading | None
    refused: Sentence | None


def rows_behind(*, kpi: Kpi, period: Period, part: str, after: int, limit: int, today: date) -> Drilled:
    """Return the rows that the value of a period is computed from, filtered as its mapping and the rules say.

    They have the columns that the mapping reads, those that name a row, and those that are agreed to be shown.

    The source is read anew, with no transaction open and in the time that a page has. Raises SourceError if it cannot
    be, with a sentence, TookTooLong if that time is not enough.
    """
    from kpis.sources.checking import check_rows, with_rules
    from kpis.sources.computing import compute_readings
    from kpis.sources.drilling import page_of, parts_of, shown_columns

    mapping_row = kpi.mapping
    source = mapping_row.source
    if source.is_snapshot and today >= period.end:
        says = _("This source says only what is so now: its rows of that time cannot be read again.")
        raise SourceError(Sentence(says))
    if mapping_row.since is not None and period.start < mapping_row.since:
        says = _("It feeds the KPI only since %(day)s; what was before came from elsewhere.")
        raise SourceError(Sentence(says, {"day": mapping_row.since}))
    try:
        mapped = mapped_kpi(mapping_row, calendars()[kpi.calendar_id])
    except MappingError as error:
        raise SourceError(of_kpi(kpi.code, error)) from None
    agreement = getattr(source, "agreement", None) or SourceAgreement()
    naming = [name for name in source.config.get("unique_by", []) if name != source.config.get("date_column")]
    columns, wanted = shown_columns(mapped.mapping, list(dict.fromkeys([*naming, *agreement.row_columns])))
    rules = [rule for rule in rules_of_source(source) if rule.severity == "refuse"]
    window = Window(since=period.start, until=min(period.end, today))
    if source.is_snapshot:  # what it says now is of today
        window = Window(since=period.start, until=period.end)
    with reached(source, for_a_page=True) as reader:
        day = today if source.is_snapshot else None
        rows = reader.fetch(window=window, columns=with_rules(wanted, rules), snapshot_day=day)
    checked = check_rows(rows, rules, [mapped], window, rows_a_day=0, usual=0, controls={})
    parts = parts_of(checked.rows, mapped, period, window, left_out=checked.left_out)
    chosen = part if part in parts else next(iter(parts))
    computed = compute_readings(checked.rows, [mapped], window, left_out=checked.left_out)
    return Drilled(
        page=page_of(checked.rows, parts[chosen], columns, after=after, limit=limit),
        part=chosen,
        counts={name: int(mask.sum()) for name, mask in parts.items()},
        reading=computed.readings[0] if computed.readings else None,
        refused=computed.refusals[0].why if computed.refusals else None,
    )
