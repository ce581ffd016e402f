"""What the loading of the sample has made so far, found by the names its files use."""

from dataclasses import dataclass, field
from datetime import datetime

from initiatives.models import Initiative
from kpiplatform.accounts.models import User
from kpiplatform.demo.moments import Moments
from kpis.models import Kpi, PeriodCalendar
from objectives.models import Objective, Unit


@dataclass(slots=True, kw_only=True)
class Scene:
    """The moments, and the rows made so far by code; people by the part of their address before the @."""

    moments: Moments
    people: dict[str, User] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    objectives: dict[str, Objective] = field(default_factory=dict)
    kpis: dict[str, Kpi] = field(default_factory=dict)
    initiatives: dict[str, Initiative] = field(default_factory=dict)
    calendar: PeriodCalendar = field(default_factory=PeriodCalendar)

    @property
    def office(self) -> User:
        """The strategy office, which entered what nobody else is named for."""
        return self.people["grace.lindholm"]

    @property
    def founded_at(self) -> datetime:
        """When the plan and the definitions were entered: before the first row."""
        return self.moments.moment("start").replace(day=1)
