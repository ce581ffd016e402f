"""The values that wait for one's approval, as they are printed: each beside the value that stands there now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.my_kpis import links, words
from kpiplatform.dashboards.my_kpis.sheet import Viewer
from kpis.dates import short_day
from kpis.domain.confidence import Confidence
from kpis.domain.figures import with_unit
from kpis.domain.periods import period_of
from kpis.evidence import Key
from kpis.grades import confidence_of, grades_once_approved
from kpis.models import Kpi, ProposedValue
from kpis.queries import calendar_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One value to decide about; `token` names it and the revision that is shown beside it.

    `grade` is the one that it gets once it is approved. `reopen_url` is where one asks to write into a period that was
    locked meanwhile: until it is open again the value can only be rejected.
    """

    token: str
    what: str
    url: str
    value: str
    grade: str
    present: str
    present_grade: str
    by: User
    when: str
    why: tuple[str, ...]
    reopen_url: str

    @property
    def text(self) -> str:
        """Who entered it, and what it replaces."""
        facts = {"person": self.by.name, "present": self.present}
        if self.reopen_url:
            return _("by %(person)s. The period is locked: ask to reopen it, or reject the value.") % facts
        if self.present:
            return _("by %(person)s, now %(present)s.") % facts
        return _("by %(person)s, no value yet.") % facts


def rows(waiting: Sequence[ProposedValue], viewer: Viewer) -> list[Proposed]:
    """Return the values ready to print."""
    return _rows(waiting, {}, viewer)


def compared(waiting: Sequence[ProposedValue], viewer: Viewer) -> list[Proposed]:
    """Return the values ready to print, each beside the grade of the value that it replaces, too."""
    standing = [_key(one) for one in waiting if one.present is not None]
    return _rows(waiting, confidence_of(standing, today=viewer.today), viewer)


def name_of(one: ProposedValue) -> str:
    """Return the KPI and the period of a value, like “Long delays, Newark, W46”."""
    period = period_of(one.period_start, one.kpi.frequency, calendar_of(one.kpi.calendar))
    return f"{words.full_name(one.kpi)}, {words.name_of(period)}"


def _rows(waiting: Sequence[ProposedValue], present: Mapping[Key, Confidence], viewer: Viewer) -> list[Proposed]:
    grades = grades_once_approved(map(_key, waiting), now=viewer.now, today=viewer.today)
    return [_row(one, grades.get(_key(one), ""), present.get(_key(one)), viewer) for one in waiting]


def _key(one: ProposedValue) -> Key:
    return one.kpi_id, one.period_start


def _row(one: ProposedValue, grade: str, present: Confidence | None, viewer: Viewer) -> Proposed:
    kpi = one.kpi
    value = _figure(one.value, kpi, viewer)
    if one.numerator is not None:
        parts = [words.plain(part, viewer.locale) for part in (one.numerator, one.denominator)]
        value = f"{value} ({' / '.join(parts)})"
    return Proposed(
        token=f"{one.pk}@{one.present_seq}",
        what=name_of(one),
        url=links.kpi_page(kpi.code),
        value=value or (_("Not applicable") if one.state == "not_applicable" else _("No value")),
        grade=grade,
        present=_figure(one.present, kpi, viewer),
        present_grade=present.grade if present is not None else "",
        by=one.entered_by,
        when=words.clock(one.entered_at, viewer.now, viewer.tz),
        why=tuple(filter(None, _why(one, viewer))),
        reopen_url=links.reopen(kpi.code, one.period_start) if one.is_locked else "",
    )


def _why(one: ProposedValue, viewer: Viewer) -> list[str]:
    provisional = _("Provisional") if one.state == "provisional" else ""
    reason = one.note or one.reason
    told = ""
    if one.recovery_on is not None:
        facts = {"cause": one.cause, "action": one.action, "day": short_day(one.recovery_on)}
        told = _("%(cause)s %(action)s Back on track by %(day)s.") % facts
    return [provisional, reason, words.meant(one.unusual_by, viewer.locale), told]


def _figure(value: Decimal | None, kpi: Kpi, viewer: Viewer) -> str:
    return with_unit(words.shown(value, kpi, viewer.locale), kpi.measure_unit) if value is not None else ""
