"""What the work done so far is worth of the budget, beside what was planned and what was spent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from initiatives.domain.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnedValue:
    """Planned, earned and spent money on one day; milestones share the budget evenly."""

    budget: Decimal
    planned: Decimal
    earned: Decimal
    spent: Decimal

    @property
    def overspent(self) -> Decimal:
        """How much more was spent than earned; negative when the work cost less."""
        return self.spent - self.earned

    @property
    def behind(self) -> Decimal:
        """The planned work that is not done yet, in money; negative when ahead of the plan."""
        return self.planned - self.earned

    @property
    def cost_index(self) -> Decimal | None:
        """Earned per unit of money spent; None before anything is spent."""
        return self.earned / self.spent if self.spent else None


def earned_value(*, budget: Decimal | None, spent: Decimal, progress: Progress) -> EarnedValue | None:
    """Return the earned value; None without a budget or without milestones that could earn it."""
    if budget is None or not progress.total:
        return None
    return EarnedValue(
        budget=budget, planned=budget * progress.share_planned, earned=budget * progress.share_done, spent=spent
    )
