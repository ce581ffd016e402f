"""What the columns of a list of KPIs may hold, and by which heads they are recognised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from kpis.models import Kpi


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: what it is called here, and how people call it in their files."""

    name: str
    label: Any
    known_as: tuple[str, ...] = ()


COLUMNS = (
    Column(name="name", label=_("Name"), known_as=("kpi", "kpi name", "title", "indicator", "metric")),
    Column(name="code", label=_("Code"), known_as=("kpi code", "id", "key", "kpi id")),
    Column(
        name="objective",
        label=_("Objective"),
        known_as=("objective code", "goal of", "strategic objective", "supports"),
    ),
    Column(
        name="owner", label=_("Owner"), known_as=("owner email", "email", "responsible", "accountable", "kpi owner")
    ),
    Column(
        name="unit",
        label=_("Unit of the organisation"),
        known_as=("unit", "department", "site", "team", "business unit", "org unit"),
    ),
    Column(name="measure_unit", label=_("Measured in"), known_as=("measure unit", "uom", "unit of measure", "measure")),
    Column(
        name="frequency", label=_("Frequency"), known_as=("period", "periodicity", "cadence", "reporting frequency")
    ),
    Column(name="polarity", label=_("What is good"), known_as=("polarity", "direction", "good direction", "better")),
    Column(name="target", label=_("Target"), known_as=("goal", "target value")),
    Column(name="red_flag", label=_("Red flag"), known_as=("threshold", "red", "limit", "minimum acceptable")),
    Column(name="goal_low", label=_("Goal, from"), known_as=("target from", "goal low", "lower goal")),
    Column(name="goal_high", label=_("Goal, to"), known_as=("target to", "goal high", "upper goal")),
    Column(name="red_low", label=_("Red flag below"), known_as=("lower red flag", "lower limit")),
    Column(name="red_high", label=_("Red flag above"), known_as=("upper red flag", "upper limit")),
    Column(name="tier", label=_("Level"), known_as=("tier",)),
    Column(
        name="indicator_type", label=_("Leading or lagging"), known_as=("type", "indicator type", "leading lagging")
    ),
    Column(
        name="time_aggregation", label=_("Over time"), known_as=("aggregation", "roll up", "rollup", "time aggregation")
    ),
    Column(name="unit_aggregation", label=_("Over units"), known_as=("unit aggregation",)),
    Column(name="decimals", label=_("Decimals"), known_as=("digits", "precision")),
    Column(name="numerator_label", label=_("Numerator, in words"), known_as=("numerator",)),
    Column(name="denominator_label", label=_("Denominator, in words"), known_as=("denominator",)),
    Column(name="ratio_factor", label=_("Ratio times"), known_as=("factor", "multiplier")),
    Column(name="minimum", label=_("Can't be below"), known_as=("lowest possible",)),
    Column(name="maximum", label=_("Can't be above"), known_as=("highest possible",)),
    Column(
        name="active_from",
        label=_("First day for which a value is expected"),
        known_as=("measured from", "start date", "valid from"),
    ),
    Column(name="purpose", label=_("Purpose"), known_as=("description", "why", "rationale")),
    Column(name="decision_informed", label=_("Decision it informs"), known_as=("decision",)),
    Column(
        name="formula_in_words",
        label=_("Formula in words"),
        known_as=("formula", "calculation", "definition", "how calculated"),
    ),
    Column(name="inclusions", label=_("What counts, what does not"), known_as=("inclusions", "scope")),
)
BY_NAME = {column.name: column for column in COLUMNS}

# What stands in the cells, beside the choices below.
TEXTS = {
    "name": 160, "measure_unit": 20, "numerator_label": 40, "denominator_label": 40, "purpose": None,
    "decision_informed": None, "formula_in_words": None, "inclusions": None,
}  # fmt: skip
NUMBERS = ("ratio_factor", "minimum", "maximum")
LIMITS = ("target", "red_flag")
LIMITS_OF_RANGE = ("goal_low", "goal_high", "red_low", "red_high")

# What stands in such a cell, beside the value and the words of the product itself.
ALSO_CALLED = {
    "frequency": {
        "d": "day",
        "w": "week",
        "m": "month",
        "q": "quarter",
        "y": "year",
        "annual": "year",
        "annually": "year",
        "half yearly": "half_year",
        "semi annual": "half_year",
    },
    "polarity": {
        "higher": "higher_is_better",
        "up": "higher_is_better",
        "increase": "higher_is_better",
        "lower": "lower_is_better",
        "down": "lower_is_better",
        "decrease": "lower_is_better",
        "none": "unscored",
    },
    "time_aggregation": {
        "avg": "average",
        "mean": "average",
        "total": "sum",
        "latest": "last",
        "ratio": "ratio_of_sums",
    },
}
CHOICES: dict[str, Any] = {
    "frequency": Kpi.Frequency,
    "polarity": Kpi.Polarity,
    "tier": Kpi.Tier,
    "indicator_type": Kpi.IndicatorType,
    "time_aggregation": Kpi.Aggregation,
    "unit_aggregation": Kpi.Aggregation,
}
USUAL = {
    "frequency": Kpi.Frequency.MONTH,
    "polarity": Kpi.Polarity.HIGHER,
    "tier": Kpi.Tier.OPERATIONAL,
    "indicator_type": Kpi.IndicatorType.LAGGING,
    "time_aggregation": Kpi.Aggregation.AVERAGE,
    "unit_aggregation": Kpi.Aggregation.NONE,
}


def recognised(heads: Sequence[str]) -> dict[int, str]:
    """Return which column of ours each head names, each of ours once; heads that say nothing are left out."""
    found: dict[int, str] = {}
    for sure in (True, False):
        for place, head in enumerate(heads):
            name = _named(head, only_own=sure)
            if name and place not in found and name not in found.values():
                found[place] = name
    return found


def choice_of(column: str, text: str) -> str | None:
    """Return the choice that a cell names, None if it names none."""
    word = _plain(text)
    for value, label in CHOICES[column].choices:
        if word in {_plain(value), _plain(str(label))}:
            return str(value)
    also = "time_aggregation" if column == "unit_aggregation" else column
    return ALSO_CALLED.get(also, {}).get(word)


def words_for(column: str) -> str:
    """Return the words that such a cell may hold."""
    return ", ".join(str(label) for _value, label in CHOICES[column].choices)


def _named(head: str, *, only_own: bool) -> str:
    word = _plain(head)
    for column in COLUMNS:
        own = {_plain(column.name), _plain(str(column.label))}
        if word in own or (not only_own and word in column.known_as):
            return column.name
    return ""


def _plain(text: str) -> str:
    return " ".join(re.split(r"[^a-z0-9]+", text.lower())).strip()
