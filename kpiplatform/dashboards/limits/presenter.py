"""The editor of limits in words and shapes, for one reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.kpi_page.wording import Wording, why_no_band
from kpiplatform.dashboards.limits.forms import DIRECTIONAL, RANGE, LimitsForm
from kpiplatform.dashboards.limits.preview import CONFIRMATIONS, Present, Preview, Realism, Replay
from kpiplatform.dashboards.limits.strip import NARROW, WIDE, Frame, Scale, Strip, dots, scale_over, strip
from kpis.dates import day
from kpis.domain.figures import number
from kpis.domain.judged import Judged
from kpis.domain.limits import AnyLimits, Limits, RangeLimits, in_force, limits_for
from kpis.domain.periods import Calendar, period_of
from kpis.domain.target_ends import last_day
from kpis.models import Kpi

MARKS_SHOWN = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One KPI in the words of one reader."""

    kpi: Kpi
    calendar: Calendar
    wording: Wording
    zone: tzinfo

    def period(self, start: date) -> str:
        return self.wording.period(period_of(start, self.kpi.frequency, self.calendar))

    def limits(self, limits: AnyLimits | None) -> str:
        """Goal and red flag, like “80.0 / 72.0”."""
        if limits is None:
            return ""
        return f"{self.wording.goal(limits)} / {self.wording.red_flag(limits)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A replay as it is shown: its drawings, and what is said beside its heading."""

    note: str
    label: str
    strips: list[Strip]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentRow:
    """A line of “What changes now”."""

    name: str
    value: str
    grade: str
    old_band: str
    new_band: str
    same: bool
    scores: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """The distribution of values in one size."""

    frame: Frame
    dots: list[tuple[str, str, str]]
    ticks: list[tuple[str, str]]
    lines: list[tuple[str, str, str]]


def shown(preview: Preview, reader: Reader) -> dict[str, object]:
    """Return the preview as its template takes it."""
    old, new = preview.old, preview.new
    if not new.judged:
        return {"nothing": True}
    scale = scale_over([*_numbers(old.judged), *_numbers(new.judged)])
    frames = (WIDE, NARROW)
    changed = [one.period_start for one in preview.moved]
    return {
        "verdict": _verdict(preview, reader),
        "sides": [
            Side(
                note=_note(old, reader, moves=None),
                label=_("In force"),
                strips=[_strip(old, frame, scale, reader, []) for frame in frames],
            ),
            Side(
                note=_note(new, reader, moves=len(changed)),
                label=_("Proposed"),
                strips=[_strip(new, frame, scale, reader, changed) for frame in frames],
            ),
        ],
        "counts": [(band, _count_words(band, old, new)) for band in ("on_track", "at_risk", "off_track")],
        "confirmations": [_periods_short(count, reader) for count in CONFIRMATIONS],
        "confirm_now": preview.confirm,
        "alert_rows": [
            (_("In force"), reader.limits(old.limits), _marked(old, preview.confirm), False),
            (_("Proposed"), reader.limits(new.limits), _marked(new, preview.confirm), True),
        ],
        "present": [_present(row, reader) for row in preview.present],
        "applies": _applies(preview, reader),
        "rejudged": _rejudged(preview, reader),
        "realism": _realism(preview.realism, reader) if preview.realism else "",
        "realism_note": _realism_note(preview.realism, reader) if preview.realism else "",
        "dots": [_dots(preview.realism, new, frame, scale, reader) for frame in frames] if preview.realism else [],
    }


def in_force_notes(form: LimitsForm, wording: Wording) -> dict[str, str]:
    """Say under each number what is in force now, in the unit of the KPI."""
    known = form.known
    target = in_force(known.rules.targets, known.today)
    limits, _why = limits_for(known.kpi.polarity, target, in_force(known.rules.thresholds, known.today))
    notes = {}
    if target is not None:
        since = {"day": day(target.effective_from)}
        until = last_day(known.rules.targets, known.today)
        ends = _("It ends on %(day)s.") % {"day": day(until)} if until else ""
        for name in form.target_names:
            value = target.value if name == "target" or target.value is not None else getattr(target, name)
            told = _("In force: %(value)s since %(day)s.") % (since | {"value": wording.full(value)})
            notes[name] = f"{told} {ends}".strip()
    numbers: dict[str, Decimal] = {}
    if isinstance(limits, Limits):
        numbers = {name: getattr(limits, name) for name in DIRECTIONAL}
    elif isinstance(limits, RangeLimits):
        numbers = {name: getattr(limits, name) for name in RANGE}
    for name in form.limit_names:
        told = _("In force: %(value)s.") % {"value": wording.full(numbers[name])} if name in numbers else ""
        if name.startswith("goal"):
            told = f"{told} {_('Empty: the target itself.')}"
        notes[name] = told.strip()
    return notes


def sliders(form: LimitsForm, values: Sequence[Decimal]) -> dict[str, dict[str, str]]:
    """Return the ends and the step of each number's slider, as JavaScript reads numbers."""
    kpi = form.known.kpi
    known = [row.value for row in form.known.rules.targets if row.value is not None]
    scale = scale_over([*values, *known] or [Decimal(0), Decimal(100)])
    low = scale.low if kpi.minimum is None else max(scale.low, kpi.minimum)
    high = scale.high if kpi.maximum is None else min(scale.high, kpi.maximum)
    span = high - low
    places = kpi.decimals
    rest = next((row.value for row in reversed(form.known.rules.targets) if row.value is not None), (low + high) / 2)
    ends: dict[str, dict[str, str]] = {}
    for name in (*form.target_names, *form.limit_names):
        first, last, still = low, high, rest
        if name in form.limit_names and form.chosen_mode == "offset":
            first, last, still = -span / 2, span / 2, Decimal(0)
        elif name in form.limit_names and form.chosen_mode == "percent":
            first, last, still = Decimal(-50), Decimal(50), Decimal(0)
        ends[name] = {
            "data-slider-min": f"{first:.{places}f}",
            "data-slider-max": f"{last:.{places}f}",
            "data-slider-rest": f"{still:.{places}f}",
            "data-slider-step": f"{Decimal(1).scaleb(-places):f}",
        }
    return ends


def _numbers(judged: Sequence[Judged]) -> list[Decimal]:
    names = ("value", "goal", "red_flag", "goal_high", "red_high")
    return [number for row in judged for name in names if (number := getattr(row, name)) is not None]


def _strip(replay: Replay, frame: Frame, scale: Scale, reader: Reader, changed: Sequence[date]) -> Strip:
    return strip(
        replay.judged,
        frame=frame,
        scale=scale,
        names=[reader.period(row.period_start) for row in replay.judged],
        ticks=[(tick, reader.wording.bare(tick)) for tick in scale.ticks()],
        alerts=replay.alerts[-MARKS_SHOWN:],
        moved=changed,
    )


def _verdict(preview: Preview, reader: Reader) -> str:
    old, new = preview.old, preview.new
    words = {
        "periods": reader.wording.periods(len(new.judged)),
        "new": _times(len(new.alerts)),
        "old": _times(len(old.alerts)),
    }
    if new.limits is None:
        return why_no_band(new.why_none)
    if old.limits is None:
        return _("No limits are in force. The proposal would have alerted %(new)s in %(periods)s.") % words
    if old.limits == new.limits:
        return _("The limits in force would have alerted %(old)s in %(periods)s.") % words
    return (
        _("With the limits in force this KPI would have alerted %(old)s in %(periods)s. The proposal alerts %(new)s.")
        % words
    )


def _times(count: int) -> str:
    if count == 0:
        return _("never")
    return ngettext("once", "%(count)d times", count) % {"count": count}


def _note(replay: Replay, reader: Reader, *, moves: int | None) -> str:
    if replay.limits is None:
        return why_no_band(replay.why_none)
    parts = [
        reader.limits(replay.limits),
        ngettext("%(count)d alert", "%(count)d alerts", len(replay.alerts)) % {"count": len(replay.alerts)},
    ]
    if moves is not None:
        verb = ngettext("%(periods)s changes band", "%(periods)s change band", moves)
        parts.append(verb % {"periods": reader.wording.periods(moves)})
    return " · ".join(parts)


def _count_words(band: str, old: Replay, new: Replay) -> str:
    return _("%(new)d, was %(old)d") % {"new": new.counts.get(band, 0), "old": old.counts.get(band, 0)}


def _periods_short(count: int, reader: Reader) -> str:
    return reader.wording.periods(count)


def _marked(replay: Replay, confirm: int) -> list[tuple[str, bool]]:
    if replay.limits is None:
        return [("–", False) for _count in CONFIRMATIONS]
    return [
        (str(alerts), count == confirm) for count, alerts in zip(CONFIRMATIONS, replay.by_confirmation, strict=True)
    ]


def _present(row: Present, reader: Reader) -> PresentRow:
    def told(score: Decimal | None) -> str:
        return number(score, 1, locale=reader.wording.locale)

    name = row.name
    if row.period_start is not None:
        name = f"{row.name}, {reader.period(row.period_start)}"
    return PresentRow(
        name=name,
        value=reader.wording.full(row.value) if row.value is not None else "",
        grade=row.grade,
        old_band=row.old_band,
        new_band=row.new_band,
        same=row.old_band == row.new_band,
        scores=f"{told(row.old_score)} → {told(row.new_score)}",
    )


def _applies(preview: Preview, reader: Reader) -> str:
    if preview.last_day is not None:
        told = _("Periods that begin after %(day)s have no target.") % {"day": day(preview.last_day)}
        return told if preview.effective_from > preview.last_day else f"{told} {_holds(preview, reader)}"
    return _holds(preview, reader)


def _holds(preview: Preview, reader: Reader) -> str:
    words = {"day": day(preview.effective_from), "period": reader.period(preview.effective_from)}
    if preview.next_change is not None:
        words["until"] = day(preview.next_change)
        told = _("Another change takes effect on %(until)s; until then the proposal holds from %(day)s on.") % words
    else:
        told = _("The proposal holds from %(day)s on.") % words
    if preview.applies_at_once and preview.refused:
        return ""
    if preview.applies_at_once:
        return _("These bands change on saving.") if preview.next_change is None else told
    return f"{told} {_('No present band changes on saving: this is how they would read.')}"


def _rejudged(preview: Preview, reader: Reader) -> str:
    if preview.refused:
        return preview.refused
    if not preview.rejudged:
        return _("No closed period is judged again; earlier ones keep the limits they were judged by.")
    told = _("%(periods)s from %(day)s on will be judged again.") % {
        "periods": reader.wording.periods(preview.rejudged),
        "day": day(preview.effective_from),
    }
    if not preview.really_moved:
        return f"{told} {_('None changes band.')}"
    better = sum(one.is_better for one in preview.really_moved)
    changes = ngettext("%(count)d changes band", "%(count)d change band", len(preview.really_moved)) % {
        "count": len(preview.really_moved)
    }
    return f"{told} {changes}, {ngettext('%(n)d for the better.', '%(n)d for the better.', better) % {'n': better}}"


def _realism(realism: Realism, reader: Reader) -> str:
    return _("Reached in %(met)d of %(periods)s, %(lately)d of the last %(last)d.") % {
        "met": realism.met,
        "periods": reader.wording.periods(len(realism.values)),
        "lately": realism.met_lately,
        "last": realism.lately,
    }


def _realism_note(realism: Realism, reader: Reader) -> str:
    share = realism.met / len(realism.values)
    lately = realism.met_lately / realism.lately
    mean = {"mean": reader.wording.full(realism.mean_lately), "last": realism.lately}
    told = _("The mean of the last %(last)d is %(mean)s.") % mean
    if len(realism.values) < 8:
        return f"{told} {_('Too few periods to tell whether it is realistic.')}"
    if lately == 1:
        return f"{told} {_('Always met of late: it asks for nothing more than today.')}"
    if realism.met == 0:
        return f"{told} {_('Never met so far: say in the reason what will be different.')}"
    if lately > share:
        return f"{told} {_('Ambitious, and nearer of late than before.')}"
    return f"{told} {_('Met less often of late than before: holding it needs a change.')}"


def _dots(realism: Realism | None, new: Replay, frame: Frame, scale: Scale, reader: Reader) -> Dots:
    assert realism is not None
    left = 34
    lines = []
    if isinstance(new.limits, Limits | RangeLimits):
        for css, names in (
            ("target", ("goal", "goal_low", "goal_high")),
            ("redflag", ("red_flag", "red_low", "red_high")),
        ):
            for name in names:
                value = getattr(new.limits, name, None)
                if value is not None:
                    lines.append((css, f"{scale.at(value, left, frame.right):.1f}", reader.wording.bare(value)))
    return Dots(
        frame=frame,
        dots=dots(realism.values, frame=frame, scale=scale, recent=realism.lately),
        ticks=[(f"{scale.at(tick, left, frame.right):.1f}", reader.wording.bare(tick)) for tick in scale.ticks()],
        lines=lines,
    )
