"""What the domain of KPIs says by a code, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.dates import day
from kpis.domain.limits import Flaw, LimitsRefused
from kpis.domain.sentences import Sentence


def in_words(sentence: Sentence | None, *, locale: str) -> str:
    """Say a sentence that was kept, its numbers and days as `locale` writes them; nothing where there is none."""
    return sentence.said(gettext=_, ngettext=ngettext, day=day, locale=locale) if sentence else ""


def why_no_limits(refused: LimitsRefused) -> str:
    """Say in a sentence why the numbers can't judge a value."""
    return {
        Flaw.NOT_FINITE: _("Every limit and target must be a finite number."),
        Flaw.RED_FLAG_IS_GOAL: _("The red flag cannot equal the goal."),
        Flaw.RED_FLAG_ABOVE_GOAL: _("Higher is better here, so the red flag must lie below the goal."),
        Flaw.RED_FLAG_BELOW_GOAL: _("Lower is better here, so the red flag must lie above the goal."),
        Flaw.RANGE_FALLS: _("In a range the numbers rise: lower red flag, goal from, goal to, upper red flag."),
        Flaw.NO_RED_FLAG: _("Thresholds need a red flag."),
        Flaw.NO_RED_FLAGS: _("A range needs a lower and an upper red flag."),
        Flaw.NO_TARGET: _("The target lacks the number these thresholds start from."),
        Flaw.TARGET_EMPTY: _("A target needs a number."),
        Flaw.TARGET_ZERO: _("A percentage of a zero target is zero; give the offsets in units."),
        Flaw.UNSCORED: _("An unscored KPI takes no thresholds."),
        Flaw.NO_OPTION: _("A scale needs at least one option."),
        Flaw.SCORE_OUTSIDE: _("The score of an option lies between 0 and 10."),
    }[refused.flaw]
