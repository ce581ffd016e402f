"""What of the grid the person chose to see: one frequency or all, and how many past periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from kpiplatform.dashboards.my_kpis.slots import CLOSED_COLUMNS, FREQUENCIES
from kpis.models import Kpi

SPANS = (CLOSED_COLUMNS, 13, 26)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A choice as a link, in place of the present one."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`frequency` is "" for all of them, `closed` the number of periods before the open one."""

    frequency: str = ""
    closed: int = CLOSED_COLUMNS

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        """Return what the address asks for; what it can't mean is passed over."""
        frequency, periods = query.get("frequency", ""), query.get("periods", "")
        return cls(
            frequency=frequency if frequency in FREQUENCIES else "",
            closed=int(periods) if periods in map(str, SPANS) else CLOSED_COLUMNS,
        )

    def shows(self, kpi: Kpi) -> bool:
        return self.frequency in ("", kpi.frequency)

    @property
    def query(self) -> str:
        """What the address says of it, with its question mark."""
        asked = {"frequency": self.frequency, "periods": self.closed if self.closed != CLOSED_COLUMNS else ""}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"?{query}" if query else ""

    @property
    def url(self) -> str:
        return f"{reverse('my:kpis')}{self.query}#values"

    def frequencies(self, kpis: Iterable[Kpi]) -> list[Link]:
        """Return the frequencies of the KPIs to choose from; none where there is only one."""
        names = {
            "day": _("Daily"),
            "week": _("Weekly"),
            "month": _("Monthly"),
            "quarter": _("Quarterly"),
            "half_year": _("Half-yearly"),
            "year": _("Yearly"),
        }
        there = sorted({kpi.frequency for kpi in kpis}, key=FREQUENCIES.index)
        if len(there) < 2:
            return []
        return [
            self._link(label, frequency=one) for one, label in [("", _("All")), *((one, names[one]) for one in there)]
        ]

    def spans(self) -> list[Link]:
        return [self._link(str(span), closed=span) for span in SPANS]

    def _link(self, label: str, **changes: str | int) -> Link:
        other = replace(self, **changes)
        return Link(label=label, url=other.url, current=other == self)
