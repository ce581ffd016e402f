"""What a pull changed, or what a held one would change: before, after, and the bands that turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, When
from django.utils.translation import gettext as _

from kpis.domain.figures import delta, number, with_unit
from kpis.domain.judged import Valued, judge_periods
from kpis.domain.periods import Calendar, Period, first_of_year, period_of
from kpis.forms import period_name
from kpis.grades import Then
from kpis.models import Kpi, Measurement, MeasurementRevision, Pull
from kpis.queries import calendars, fiscal_years_of, rules_of, staged_of
from kpis.services.recording import locked_periods

CHANGES_SHOWN, JUDGED_AT_MOST = 100, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value that a pull brought, or would bring; `bands` are set where the band turns.

    `brought_at` is when it took the place of the one before, `replaced_at` when another took its own; None where that
    did not happen.
    """

    kpi: Kpi
    period: Period
    before: Decimal | None
    after: Decimal | None
    brought_at: datetime | None = None
    replaced_at: datetime | None = None
    bands: tuple[str, str] | None = None

    @property
    def graded(self) -> tuple[Then | None, Then | None]:
        """What of the two values their grades are asked for: none is known of a value that was not taken yet."""
        value = self.kpi.pk, self.period.start
        before = None if self.before is None else (*value, self.brought_at)
        is_taken = self.after is not None and self.brought_at is not None
        return before, (*value, self.replaced_at) if is_taken else None

    def shown(self, locale: str, grades: Mapping[Then, str]) -> dict[str, Any]:
        """Return the change as a line of a table."""
        kpi, (before, after) = self.kpi, self.graded
        moved = self.after - self.before if self.before is not None and self.after is not None else None
        return {
            "kpi": kpi,
            "period": period_name(self.period),
            "before": with_unit(number(self.before, kpi.decimals, locale=locale), kpi.measure_unit),
            "before_grade": grades.get(before, "") if before else "",
            "after": with_unit(number(self.after, kpi.decimals, locale=locale), kpi.measure_unit),
            "after_grade": grades.get(after, "") if after else "",
            "change": _("new") if moved is None else delta(moved, kpi.measure_unit, kpi.decimals, locale=locale),
            "bands": self.bands,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The changes of a pull, those that turn a band first, and how many there are in all.

    `locked` others of a held pull lie in locked periods and would not be taken; `seen` tells the changes
    of a held one from others.
    """

    rows: Sequence[Change]
    total: int
    new: int
    unchanged: int
    locked: int = 0
    seen: str = ""

    @property
    def revised(self) -> int:
        return self.total - self.new

    @property
    def turning(self) -> int:
        """How many of the rows turn a band."""
        return sum(row.bands is not None for row in self.rows)


def changes_of(pull: Pull, *, now: datetime, limit: int | None = JUDGED_AT_MOST) -> Changes:
    """Return what a pull changed, or what a held one would change; the latest periods first."""
    held = pull.state == Pull.State.SUSPECT
    rows = _staged(pull) if held else _recorded(pull)
    asked = list(rows.order_by("-period_start", "kpi__name")[:limit])
    keys = set(locked_periods(readings=asked, now=now)) if held else set()
    locked = [row for row in asked if (row.kpi_id, row.period_start) in keys]
    by_calendar = calendars()
    changes = [
        Change(
            kpi=row.kpi,
            period=period_of(row.period_start, row.kpi.frequency, by_calendar[row.kpi.calendar_id]),
            before=row.before,
            after=row.value,
            brought_at=None if held else row.recorded_at,
            replaced_at=None if held else row.replaced_at,
        )
        for row in asked
        if (row.kpi_id, row.period_start) not in keys
    ]
    if held:
        changes = _with_bands(changes, by_calendar)
    count = rows.count()
    return Changes(
        rows=changes,
        total=count - len(locked),
        new=rows.filter(known=None).count() - sum(row.known is None for row in locked),
        unchanged=staged_of(pull).count() - count if held else pull.values_unchanged,
        locked=len(locked),
        seen=_digest(count, changes) if held else "",
    )


def _digest(count: int, changes: Sequence[Change]) -> str:
    said = [(one.kpi.pk, one.period.key, str(one.before), str(one.after)) for one in changes]
    return sha256(repr((count, said)).encode()).hexdigest()[:24]


def _staged(pull: Pull) -> QuerySet[Any]:
    """Return the readings that would change something: what a person corrected stays until the source says else."""
    present = Measurement.objects.filter(kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"))
    said = MeasurementRevision.objects.filter(kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"))
    pulled = said.filter(kind="pull").order_by("-seq")
    rows = staged_of(pull).annotate(
        before=Subquery(present.values("value")[:1]),
        known=Subquery(present.values("seq")[:1]),
        stands_by=Subquery(said.order_by("-seq").values("kind")[:1]),
        pulled_value=Subquery(pulled.values("value")[:1]),
        pulled_state=Subquery(pulled.values("state")[:1]),
    )
    repeats = ~Q(stands_by="pull") & Q(pulled_value=F("value"), pulled_state=F("state"))
    differs = ~Q(before=F("value")) | Q(before__isnull=True, value__isnull=False) | Q(known=None)
    changing = rows.filter(differs | Q(value__isnull=True, before__isnull=False))
    # As a case, since what is not known of a value that nobody corrected says nothing of it.
    is_repeated = Case(When(repeats, then=True), default=False)
    return changing.annotate(is_repeated=is_repeated).filter(is_repeated=False).select_related("kpi")


def _recorded(pull: Pull) -> QuerySet[Any]:
    earlier = MeasurementRevision.objects.filter(
        kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"), seq=OuterRef("seq") - 1
    )
    later = MeasurementRevision.objects.filter(
        kpi_id=OuterRef("kpi_id"), period_start=OuterRef("period_start"), seq=OuterRef("seq") + 1
    )
    rows = MeasurementRevision.objects.filter(pull=pull).annotate(
        before=Subquery(earlier.values("value")[:1]),
        known=Subquery(earlier.values("seq")[:1]),
        replaced_at=Subquery(later.values("recorded_at")[:1]),
    )
    return rows.select_related("kpi")


def _with_bands(changes: Sequence[Change], by_calendar: Mapping[int, Calendar]) -> list[Change]:
    """Judge the values before and after, and put the changes that turn a band first."""
    of_kpi: dict[Kpi, dict[date, Change]] = defaultdict(dict)
    for change in changes:
        of_kpi[change.kpi][change.period.start] = change
    rules = rules_of(list(of_kpi))
    judged: list[Change] = []
    for kpi, by_start in of_kpi.items():
        present = _present(kpi, min(by_start), by_calendar[kpi.calendar_id])
        coming = present | {start: Valued(start, change.period.end, change.after) for start, change in by_start.items()}
        bands = [
            {row.period_start: row.band for row in judge_periods(values, rules[kpi.pk], fiscal_years=years)}
            for values in (sorted(present.values()), sorted(coming.values()))
            for years in [fiscal_years_of(kpi, values, by_calendar)]
        ]
        for start, change in by_start.items():
            old, new = (found.get(start, "") for found in bands)
            turned = (old, new) if old != new and change.before is not None else None
            judged.append(replace(change, bands=turned))
    return sorted(judged, key=lambda row: (row.bands is None, -row.period.start.toordinal(), row.kpi.name))


def _present(kpi: Kpi, since: date, calendar: Calendar) -> dict[date, Valued]:
    first = first_of_year(since, kpi.frequency, calendar) if kpi.is_cumulative else since
    rows = Measurement.objects.filter(kpi=kpi, period_start__gte=first)
    found = rows.values_list("period_start", "period_end", "value", "state", "reason")
    return {row[0]: Valued(*row) for row in found}
