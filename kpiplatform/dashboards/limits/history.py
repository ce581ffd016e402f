"""Every target and all thresholds of a KPI in words, for one reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.dashboards.limits.forms import RANGE, is_range
from kpiplatform.dashboards.limits.presenter import Reader
from kpis.dates import day, moment
from kpis.domain.figures import delta_unit, signed
from kpis.models import Kpi, Target, ThresholdSet

STATES = {
    "now": gettext_lazy("in force"),
    "to_come": gettext_lazy("to come"),
    "past": gettext_lazy("past"),
    "replaced": gettext_lazy("replaced"),
}


def history_of(kpi: Kpi, reader: Reader, *, today: date, known_at: datetime | None = None) -> list[dict[str, str]]:
    """Return every target and every set of thresholds, newest first: from when, what, who, when, why, and its state.

    Of what was recorded at or after `known_at` nothing is known; None: all is.
    """
    known = Q() if known_at is None else Q(recorded_at__lt=known_at)
    targets = list(Target.objects.filter(known, kpi=kpi).select_related("recorded_by"))
    thresholds = list(ThresholdSet.objects.filter(known, kpi=kpi).select_related("recorded_by"))
    rows = [(row, _("Target"), _target_words(row, reader), _state(row, targets, today)) for row in targets]
    rows += [
        (row, _("Thresholds"), _threshold_words(row, reader), _state(row, thresholds, today)) for row in thresholds
    ]
    rows.sort(key=lambda one: (one[0].effective_from, one[0].recorded_at), reverse=True)
    return [
        {
            "from": day(row.effective_from),
            "what": what,
            "words": words,
            "who": row.recorded_by.name,
            "at": moment(row.recorded_at, reader.zone),
            "why": row.reason,
            "state": STATES[state],
            "is_now": "1" if state == "now" else "",
        }
        for row, what, words, state in rows
    ]


def _state[Row: (Target, ThresholdSet)](row: Row, rows: Sequence[Row], today: date) -> str:
    if any(one.effective_from == row.effective_from and one.recorded_at > row.recorded_at for one in rows):
        return "replaced"
    if row.effective_from > today:
        return "to_come"
    begun = (one.effective_from for one in rows if one.effective_from <= today)
    return "now" if row.effective_from == max(begun) else "past"


def _target_words(row: Target, reader: Reader) -> str:
    if row.value is None and row.low is None:
        return _("none: it ends")
    if row.value is not None:
        return reader.wording.full(row.value)
    return _("%(low)s to %(high)s") % {"low": reader.wording.bare(row.low), "high": reader.wording.full(row.high)}


def _threshold_words(row: ThresholdSet, reader: Reader) -> str:
    if row.scores:
        return ", ".join(f"{option} → {score}" for option, score in row.scores.items())
    wording = reader.wording

    def told(value: Decimal | None) -> str:
        if value is None:
            return _("the target")
        if row.mode == ThresholdSet.Mode.ABSOLUTE:
            return wording.full(value)
        unit = "%" if row.mode == ThresholdSet.Mode.PERCENT else delta_unit(reader.kpi.measure_unit)
        return _("target %(change)s") % {
            "change": f"{signed(value, reader.kpi.decimals, locale=wording.locale)} {unit}"
        }

    if is_range(reader.kpi):
        words = {name: told(getattr(row, name)) for name in RANGE}
        if row.goal_low is None and row.goal_high is None:
            return _("goal the target, red flag below %(red_low)s and above %(red_high)s") % words
        return _("goal %(goal_low)s to %(goal_high)s, red flag below %(red_low)s and above %(red_high)s") % words
    return _("goal %(goal)s, red flag %(red)s") % {"goal": told(row.goal), "red": told(row.red_flag)}
