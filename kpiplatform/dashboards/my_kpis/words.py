"""The sentences of the owner's page: why a value is not taken, who changed it, when something is due."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import pairwise

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.dates import short_day, short_label, span_label, weekday
from kpis.domain.entry_checks import EntryRefused, Problem, UnusualMove, language_of, parts_text, typed_text
from kpis.domain.figures import MARKS, number
from kpis.domain.periods import EN_DASH, Frequency, Period
from kpis.models import KeptValue, Kpi, Measurement, MeasurementRevision, ProposedValue
from kpis.services.asking import takes_parts

type Said = Measurement | MeasurementRevision | ProposedValue | KeptValue


def heading(period: Period) -> tuple[str, str]:
    """Return the two lines over a column, like W46 and 9 Nov."""
    match period.frequency:
        case Frequency.WEEK:
            return short_label(period), short_day(period.start)
        case Frequency.DAY:
            return weekday(period.start), short_day(period.start)
        case Frequency.YEAR:
            return period.key, ""
        case _:
            first, _space, rest = short_label(period).partition(" ")
            return first, rest


def name_of(period: Period) -> str:
    """Return what a period is called in a sentence."""
    if period.frequency is Frequency.DAY:
        return f"{weekday(period.start)} {short_day(period.start)}"
    return period.key if period.frequency is Frequency.YEAR else short_label(period)


def span_of(period: Period) -> str:
    """Return the days of a period with their year, "" where its name says them."""
    return (
        "" if period.frequency in {Frequency.DAY, Frequency.MONTH} else f"{span_label(period)} {period.last_day.year}"
    )


def names_of(periods: list[Period]) -> str:
    """Return several periods, oldest first: W44, W45 and W46; a longer run as W42–W46."""
    names = [name_of(period) for period in periods]
    unbroken = all(after.start == before.end for before, after in pairwise(periods))
    if len(names) > 3 and unbroken:
        return f"{names[0]} {EN_DASH} {names[-1]}"
    return listed(names)


def listed(words: list[str]) -> str:
    """Return words as a list in a sentence: a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return _("%(first)s and %(last)s") % {"first": ", ".join(words[:-1]), "last": words[-1]}


def weekday_of(day: date) -> str:
    """Return a day close by, like Mon 23 Nov."""
    return f"{weekday(day)} {short_day(day)}"


def days_late(due: date, today: date) -> str:
    """Return “2 days late”, "" if it isn't."""
    days = (today - due).days
    return ngettext("%(days)s day late", "%(days)s days late", days) % {"days": days} if days > 0 else ""


def counted(count: int) -> str:
    """Return a small number as a word, a larger one in digits."""
    words = [
        _("no"),
        _("one"),
        _("two"),
        _("three"),
        _("four"),
        _("five"),
        _("six"),
        _("seven"),
        _("eight"),
        _("nine"),
        _("ten"),
        _("eleven"),
        _("twelve"),
    ]
    return words[count] if count < len(words) else str(count)


def name_in_unit(kpi: Kpi) -> str:
    """Return the KPI's name where its unit is plain from the place: “Long delays” of “Long delays, Newark”."""
    name = kpi.name.removesuffix(f", {kpi.unit.name}").removeprefix(f"{kpi.unit.name} ")
    return name[0].upper() + name[1:]


def full_name(kpi: Kpi) -> str:
    """Return the KPI's name with its unit, once."""
    return kpi.name if kpi.unit.name in kpi.name else f"{kpi.name}, {kpi.unit.name}"


def shown(value: Decimal | None, kpi: Kpi, locale: str) -> str:
    """Return a value as it stands in a cell that is not typed in."""
    return number(value, kpi.decimals, locale=locale)


def typed(value: Decimal | None, kpi: Kpi, locale: str) -> str:
    """Return a value as it stands in a field, digit for digit."""
    return typed_text(value, kpi.decimals, locale=locale)


def typed_value(said: Said | None, kpi: Kpi, locale: str) -> str:
    """Return what was said of a period as it is typed into the grid: a value, or both parts of a ratio, 12/400."""
    if said is None:
        return ""
    if takes_parts(kpi) and said.numerator is not None and said.denominator is not None:
        return parts_text(said.numerator, said.denominator, locale=locale)
    return typed(said.value, kpi, locale)


def figured(said: Said | None, kpi: Kpi, locale: str) -> str:
    """Return what was said of a period as it is told: a value, or a ratio with what it comes to, 12/400 = 3.0."""
    text = typed_value(said, kpi, locale)
    if said is None or said.denominator is None or not takes_parts(kpi):
        return text
    return f"{text} = {shown(said.value, kpi, locale)}"


def parts_wanted(kpi: Kpi) -> str:
    """Return how a ratio is typed, like “typed as passed/audits”."""
    return _("typed as %(numerator)s/%(denominator)s") % _parts(kpi)


def _parts(kpi: Kpi) -> dict[str, str]:
    return {
        "numerator": kpi.numerator_label or _("numerator"),
        "denominator": kpi.denominator_label or _("denominator"),
    }


def plain(value: Decimal | None, locale: str) -> str:
    """Return a part of a ratio as it stands in a field: it has no decimals of its own."""
    return typed_text(value, 0, locale=locale)


def why_refused(refused: EntryRefused, *, text: str, kpi: Kpi, period: Period, locale: str) -> str:
    """Return the sentence for a value that was not taken."""
    low, high = (typed_text(bound, 0, locale=locale) for bound in (refused.low, refused.high))
    mark = MARKS.get(language_of(locale), MARKS["en"])[1]
    said = refused.part or text.strip()
    sentences = {
        Problem.NOT_A_NUMBER: _("“%(text)s” is not a number."),
        Problem.AMBIGUOUS: _("“%(text)s” can be read as %(whole)s or as %(part)s: write one of them."),
        Problem.OTHER_MARK: _("“%(text)s”: your decimal mark is “%(mark)s”, so write %(part)s."),
        Problem.TOO_LARGE: _("A value has at most 20 digits before the decimal mark."),
        Problem.OUTSIDE: _("%(text)s is not between %(low)s and %(high)s."),
        Problem.BELOW: _("%(text)s is less than %(low)s, the least this KPI can be."),
        Problem.ABOVE: _("%(text)s is more than %(high)s, the most this KPI can be."),
        Problem.NOT_BEGUN: _("%(period)s has not begun."),
        Problem.REASON_WANTED: _("A change in %(period)s needs a reason."),
        Problem.EMPTIED: _("A value can be corrected, not emptied. If %(period)s does not apply, say why."),
        Problem.PARTS_WANTED: _("“%(text)s” is no ratio: type %(numerator)s/%(denominator)s, such as 12/400."),
        Problem.DATE_LIKE: _("“%(text)s” may be a date: type %(numerator)s/%(denominator)s, such as 12/400."),
        Problem.NOTHING_BELOW: _("“%(text)s” divides by zero, so %(period)s would have no value. Is it right?"),
        Problem.DERIVED: _("This KPI is computed from others and takes no value."),
        Problem.UNUSUAL: _("The value is far from what is usual. Is it right?"),
        Problem.EXPLANATION_WANTED: _("The value is saved only with its explanation."),
    }
    return sentences[refused.problem] % {
        "text": said[:40],
        "whole": said.replace(",", "").replace(".", ""),
        "part": said.replace(",", mark).replace(".", mark),
        "mark": mark,
        "low": low,
        "high": high,
        "period": name_of(period),
        **_parts(kpi),
    }


def unusual(move: UnusualMove, *, kpi: Kpi, locale: str) -> str:
    """Return the question about a value that is far from the one before."""
    return _("A move of %(move)s from %(before)s, where %(usual)s is usual. Is it right?") % {
        "move": typed(move.move, kpi, locale),
        "before": typed(move.before, kpi, locale),
        "usual": typed_text(round(move.usual, kpi.decimals + 1), 0, locale=locale),
    }


def meant(times: Decimal | None, locale: str) -> str:
    """Return that a value far from the usual was meant, "" where nobody was asked."""
    if times is None:
        return ""
    return _("Confirmed at %(times)s times the usual move") % {"times": number(times, 0, locale=locale)}


def explanation_wanted(text: str) -> str:
    """Return what is asked with a value under the score that needs an explanation."""
    return _(
        "%(text)s scores so low that it is saved with its explanation: why, what is done, and until when. "
        "Until then it is kept here for you and does not count."
    ) % {"text": text}


def ago(at: datetime, now: datetime, tz: tzinfo) -> str:
    """Return how long ago something was, by the clock once it is more than an hour."""
    seconds = max(int((now - at).total_seconds()), 0)
    if seconds < 2:
        return _("just now")
    if seconds < 60:
        return _("%(count)s seconds ago") % {"count": counted(seconds)}
    if seconds < 3600:
        minutes = seconds // 60
        words = ngettext("%(count)s minute ago", "%(count)s minutes ago", minutes)
        return words % {"count": counted(minutes)}
    return clock(at, now, tz)


def clock(at: datetime, now: datetime, tz: tzinfo) -> str:
    """Return the time of day, with the day if it was another."""
    there, here = at.astimezone(tz), now.astimezone(tz)
    return f"{there:%H:%M}" if there.date() == here.date() else f"{short_day(there.date())}, {there:%H:%M}"
