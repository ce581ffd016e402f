"""What the KPI is: its definition sheet, the limits in force, who answers for it, its guard and its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.db.models import TextChoices
from django.urls import reverse
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_page.chart import limits_in_force
from kpiplatform.dashboards.kpi_page.facts import Facts, HeldPull, limits_of
from kpiplatform.dashboards.kpi_page.wording import Wording, days, joined, sentence
from kpis.domain.limits import AnyLimits
from kpis.models import Kpi
from kpis.scheduled import schedule_words
from kpis.words import in_words
from reviews.rows import forum_dates


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label and its value; `aside` is what was before, or where it is from."""

    label: str
    value: str
    aside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardView:
    """The KPI that must not suffer, as far as the reader may see it."""

    code: str
    name: str
    words: str
    band: str
    grade: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """Where the values come from and whether they still come."""

    facts: Sequence[Fact]
    failing: str
    error: str
    url: str
    held: str
    held_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Who answers for what."""

    label: str
    person: User


def _word(choice: TextChoices) -> str:
    """Return how a choice is called; Django's `get_…_display` goes through all choices of the field each time."""
    return str(choice.label)


def definition(facts: Facts) -> tuple[list[Fact], list[Fact]]:
    """Return the first lines of the definition sheet, and the rest of it."""
    kpi, wording = facts.kpi, Wording.of(facts)
    first = [
        Fact(label=_("Decides"), value=kpi.decision_informed),
        Fact(label=_("Counts"), value=kpi.inclusions),
        Fact(label=_("Formula"), value=kpi.formula_in_words),
        Fact(label=_("Over time"), value=_word(Kpi.Aggregation(kpi.time_aggregation))),
        Fact(
            label=_("Kind"),
            value=joined(
                [
                    _word(Kpi.Tier(kpi.tier)),
                    _word(Kpi.IndicatorType(kpi.indicator_type)),
                    _word(Kpi.Polarity(kpi.polarity)),
                ],
                ", ",
            ),
        ),
        *(() if facts.known.on else _reviewed_in(facts)),
    ]
    bounds = "" if kpi.minimum is None and kpi.maximum is None else _bounds(facts, wording)
    rest = [
        Fact(label=_("Code"), value=kpi.code),
        Fact(label=_("Purpose"), value=kpi.purpose),
        Fact(label=_("Unit"), value=kpi.unit.name),
        Fact(label=_("Over units"), value=_word(Kpi.Aggregation(kpi.unit_aggregation))),
        Fact(label=_("Measured"), value=_measured(facts)),
        Fact(label=_("Can be"), value=bounds),
        Fact(label=_("Due"), value=_due(facts)),
        Fact(label=_("Costs"), value=kpi.cost_to_measure),
        Fact(label=_("Beware"), value=kpi.unintended_consequences),
        Fact(label=_("Review by"), value=wording.day(kpi.review_by) if kpi.review_by else ""),
    ]
    return [fact for fact in first if fact.value], [fact for fact in rest if fact.value]


def _reviewed_in(facts: Facts) -> Iterator[Fact]:
    """Say which forum reviews the KPI, how often and when next; all that cover it where none was chosen."""
    its = facts.reviewing
    for place, forum in enumerate(its.where):
        said = forum_dates(forum, its.working, today=facts.today, count=1).sentence
        yield Fact(
            label=_("And in") if place else _("Reviewed in"), value=said, aside="" if its.is_chosen else _("by default")
        )


def version_words(facts: Facts) -> str:
    """Say which version of the definition holds, and since when."""
    wording = Wording.of(facts)
    current = next((version for version in reversed(facts.versions) if version.number == facts.kpi.version), None)
    if current is None:
        return _("Version %(number)s") % {"number": facts.kpi.version}
    words = {"number": current.number, "day": wording.day(current.effective_from)}
    return _("Version %(number)s, from %(day)s") % words


def _measured(facts: Facts) -> str:
    kpi = facts.kpi
    return joined([_word(Kpi.Frequency(kpi.frequency)), _word(Kpi.Entry(kpi.entry))], ", ")


def _bounds(facts: Facts, wording: Wording) -> str:
    low, high = facts.kpi.minimum, facts.kpi.maximum
    if low is None:
        return _("at most %(high)s") % {"high": wording.full(high)}
    if high is None:
        return _("at least %(low)s") % {"low": wording.full(low)}
    return _("%(low)s to %(high)s") % {"low": wording.bare(low), "high": wording.full(high)}


def _due(facts: Facts) -> str:
    lag = days(facts.kpi.reporting_lag_days)
    if facts.kpi.lag_in_working_days:
        return _("%(days)s after the period, counting working days") % {"days": lag}
    return _("%(days)s after the period") % {"days": lag}


def limits(facts: Facts) -> list[Fact]:
    """Return goal and red flag in force today with their former and coming values, the baseline and the benchmark."""
    wording = Wording.of(facts)
    return [*_in_force(facts, wording), *_references(facts, wording)]


def _in_force(facts: Facts, wording: Wording) -> Iterator[Fact]:
    current = limits_in_force(facts, facts.period(facts.today).start)
    if current is None:
        scored = facts.kpi.polarity != "unscored"
        aside = _others(facts, wording.goal, wording) if scored else ""
        yield Fact(label=_("Goal"), value=_("not set") if scored else _("not scored"), aside=aside)
        return
    for label, words in ((_("Goal"), wording.goal), (_("Red flag"), wording.red_flag)):
        text = words(current)
        yield Fact(
            label=label,
            value=f"{text}\u202f{wording.unit}" if wording.unit else text,
            aside=_others(facts, words, wording),
        )


def _others(facts: Facts, words: Callable[[AnyLimits | None], str], wording: Wording) -> str:
    """Say what a limit was until when, and what it will be from when, by the present knowledge."""
    starts = sorted({row.effective_from for row in (*facts.rules.targets, *facts.rules.thresholds)})
    steps: list[tuple[date, str]] = []
    for day in starts:
        text = words(limits_in_force(facts, day))
        if (text or steps) and (not steps or steps[-1][1] != text):
            steps.append((day, text))
    parts = []
    for (_day, text), (until, _next) in pairwise(steps):
        if text and until <= facts.today:
            parts.append(_("%(limit)s until %(day)s") % {"limit": text, "day": wording.day(until)})
    for day, text in steps[1:]:
        if day > facts.today:
            parts.append(_("%(limit)s from %(day)s") % {"limit": text or _("none"), "day": wording.day(day)})
    return ", ".join(parts)


def _references(facts: Facts, wording: Wording) -> Iterator[Fact]:
    kpi = facts.kpi
    if kpi.baseline_value is not None:
        yield Fact(label=_("Baseline"), value=wording.full(kpi.baseline_value), aside=kpi.baseline_note)
    else:
        yield Fact(label=_("Baseline"), value=_("not set"))
    if kpi.benchmark_value is not None:
        yield Fact(
            label=_("Benchmark"), value=wording.full(kpi.benchmark_value), aside=_benchmark_source(facts, wording)
        )
    else:
        yield Fact(label=_("Benchmark"), value=_("not set"))


def _benchmark_source(facts: Facts, wording: Wording) -> str:
    on = facts.kpi.benchmark_on
    return joined([facts.kpi.benchmark_source, wording.day(on) if on else ""], ", ")


def people(facts: Facts) -> list[PersonRow]:
    """Return who answers for the KPI."""
    rows = {"owner": _("Owner"), "deputy": _("Deputy"), "steward": _("Steward")}
    return [
        PersonRow(label=label, person=User(name=facts.people[does]))
        for does, label in rows.items()
        if does in facts.people
    ]


def guard(facts: Facts) -> GuardView | None:
    """Return the guard KPI with its band; None where there is none that the reader may see."""
    kpi = facts.guard
    if kpi is None:
        return None
    wording = Wording.of_kpi(kpi, locale=facts.locale, today=facts.today)
    goal = wording.goal(limits_of(kpi))
    words = wording.full(kpi.value) if kpi.value is not None else _("no value yet")
    return GuardView(
        code=kpi.code,
        name=kpi.name,
        words=joined([words, _("goal %(goal)s") % {"goal": goal} if goal else ""], ", "),
        band=kpi.band,
        grade=facts.grades.get(kpi.pk, ""),
        reason=sentence(facts.kpi.guard_reason),
    )


def source(facts: Facts) -> SourceView:
    """Return where the values come from, how fresh they are, and what is wrong with the source."""
    wording, state = Wording.of(facts), facts.state
    mapping = getattr(facts.kpi, "mapping", None)
    rows: list[Fact] = []
    failing = error = url = held = held_url = ""
    if mapping is None:
        rows.append(Fact(label=_("From"), value=_word(Kpi.Entry(facts.kpi.entry))))
    else:
        feed = mapping.source
        if facts.may_configure or feed.owner_id == facts.reader_id:
            url = reverse("configuration:source", args=[feed.code])
        rows.append(
            Fact(
                label=_("From"),
                value=feed.name,
                aside=schedule_words(feed),
            )
        )
        pulled = wording.moment(feed.last_applied_at) if feed.last_applied_at else _("never")
        rows.append(Fact(label=_("Last pull"), value=pulled))
        if facts.held is not None:
            held = _held(facts.held, wording)
            held_url = reverse("configuration:pull", args=[feed.code, facts.held.pk]) if url else ""
        if feed.consecutive_failures:
            failing = _failing(facts, wording)
            error = in_words(feed.last_error, locale=wording.locale)
        elif facts.is_behind:
            since = {"moment": wording.moment(feed.behind_from)}
            failing = _("The source is behind since %(moment)s: it should have brought values by then.") % since
    rows.append(Fact(label=_("Freshness"), value=_freshness(facts)))
    if state.next_due_on:
        rows.append(Fact(label=_("Next due"), value=wording.day(state.next_due_on)))
    return SourceView(facts=rows, failing=failing, error=error, url=url, held=held, held_url=held_url)


def _held(pull: HeldPull, wording: Wording) -> str:
    words = {"moment": wording.moment(pull.at), "who": pull.decides}
    return _("A newer pull, of %(moment)s, would change values of this KPI and is held: %(who)s decides.") % words


def _failing(facts: Facts, wording: Wording) -> str:
    if facts.failing_since is None:
        return _("Source failing: showing the last good value.")
    since = {"moment": wording.moment(facts.failing_since)}
    return _("Source failing since %(moment)s: showing the last good value.") % since


def _freshness(facts: Facts) -> str:
    state = facts.state
    late = days(state.days_late)
    return {
        "fresh": _("up to date"),
        "late": _("%(days)s late") % {"days": late},
        "stale": _("stale, %(days)s late") % {"days": late},
        "never": _("no value yet"),
        "source_error": _("the source fails"),
    }.get(state.health, "")
