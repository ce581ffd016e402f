"""A change of a KPI's score, said in the KPI's own unit. Pure."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from kpis.domain.limits import Limits
from kpis.domain.scoring import value_for_score


def value_that_scores(wanted: Decimal, limits: Limits, *, decimals: int, better: bool) -> Decimal:
    """Return the printed value that reaches `wanted`: rounded towards better, or towards worse if `better` is false.

    Rounding must not fall short: who reaches the number printed has reached the score.
    """
    exact = value_for_score(wanted, limits)
    rises = (limits.goal > limits.red_flag) == better
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_CEILING if rises else ROUND_FLOOR)
