"""Comparisons of a whole column with a value. Where a cell is empty the answer means nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

COMPARE: dict[str, Callable[[pd.Series, Any], pd.Series]] = {
    "==": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "in": lambda column, value: column.isin(list(value)),
    "not_in": lambda column, value: ~column.isin(list(value)),
}
