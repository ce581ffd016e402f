"""One figure of a source for many KPIs: what is computed, and by which column its rows fall to the KPIs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

VALUE, RATIO = "value", "ratio"
ROWS = "count"  # the aggregate that needs no column


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An aggregate of the rows that keep all conditions; `column` is "" where rows are counted."""

    agg: str
    column: str = ""
    where: list[list[Any]] = field(default_factory=list)

    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"agg": self.agg}
        if self.column:
            spec["column"] = self.column
        if self.where:
            spec["where"] = self.where
        return spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A value, or a numerator over a denominator times `factor`; `group_by` is "" where one KPI takes all rows."""

    name: str
    numerator: Part
    denominator: Part | None = None
    factor: str = "1"
    where: list[list[Any]] = field(default_factory=list)
    group_by: str = ""

    @classmethod
    def stored(cls, said: dict[str, Any]) -> Measure:
        """Return a measure from what `to_store` gave."""
        denominator = said["denominator"]
        return cls(
            **said
            | {
                "numerator": Part(**said["numerator"]),
                "denominator": Part(**denominator) if denominator else None,
            }
        )

    def to_store(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    def mapping(self, group: str | int | float | None = None) -> dict[str, Any]:
        """Return how rows become values of the KPI of one group, as a mapping is stored."""
        about: dict[str, Any] = {"where": self.where}
        if self.group_by:
            about["group"] = {self.group_by: str(group)}
        if self.denominator is None:
            return about | {"value": self.numerator.spec()}
        return about | {
            "numerator": self.numerator.spec(),
            "denominator": self.denominator.spec(),
            "factor": float(self.factor) if Decimal(self.factor) % 1 else int(Decimal(self.factor)),
        }

    @property
    def columns(self) -> set[str]:
        """The columns it reads."""
        parts = [part for part in (self.numerator, self.denominator) if part]
        conditions = [*self.where, *(condition for part in parts for condition in part.where)]
        named = {part.column for part in parts} | {condition[0] for condition in conditions} | {self.group_by}
        return named - {""}
