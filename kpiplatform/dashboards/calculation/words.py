"""What a formula and its terms come to, in figures and words."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

from kpiplatform.dashboards.kpi_page.wording import Wording
from kpis.domain.formula.deriving import Outcome
from kpis.domain.formula.evaluating import Absent
from kpis.domain.formula.series import Taken
from kpis.formula_words import no_value


def taken_words(taken: Taken, wording: Wording) -> str:
    """Return what an input gave, with how many of its periods where some are missing."""
    if isinstance(taken.value, Absent):
        return _why_none(taken.value) if taken.is_there else _("nothing recorded")
    figure = wording.full(taken.value)
    return f"{figure} ({coverage(taken)})" if taken.present < taken.due else figure


def coverage(taken: Taken) -> str:
    """Say how many periods an input was taken from, like “3 of 4”."""
    return _("%(present)s of %(due)s") % {"present": taken.present, "due": taken.due}


def result_words(outcome: Outcome, wording: Wording) -> str:
    """Return the value of the whole formula, or why there is none."""
    return wording.full(outcome.value) if outcome.value is not None else no_value(outcome.reason)


def step_words(value: Decimal | Absent, wording: Wording) -> str:
    """Return the value of a part of a formula: no unit, and as many decimals as it has, within reason."""
    if isinstance(value, Absent):
        return _why_none(value)
    places = next((count for count in range(wording.decimals, 4) if value == round(value, count)), 4)
    return Wording.bare(
        Wording(unit="", decimals=places, locale=wording.locale, frequency=wording.frequency, today=wording.today),
        value,
    )


def _why_none(why: Absent) -> str:
    """Say why a part has no value; of the whole it would be that an input is missing."""
    return _("no value") if why is Absent.MISSING else no_value(why)
