"""Bands, bullet graphs, sparklines and people as markup. Rows are many: plain strings, built once per shape."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from html import escape
from typing import Any, Protocol

import orjson
from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, gettext_noop

from kpis.domain import bullet as bullets
from kpis.domain import sparkline as sparklines
from kpis.domain.bullet import Bullet
from kpis.domain.figures import number
from kpis.domain.sparkline import Spark

register = template.Library()

# band -> (class, filled shape, hollow shape); the shapes stand in a box of 12 × 12
SHAPES = {
    "on_track": ("on", '<circle {} cx="6" cy="6" r="5.2"/>', '<circle {} cx="6" cy="6" r="4.6"/>'),
    "at_risk": ("risk", '<path {} d="M6 .9 11.7 10.9H.3z"/>', '<path {} d="M6 2 10.8 10.4H1.2z"/>'),
    "off_track": ("off", '<path {} d="M1.1 1.1h9.8v9.8H1.1z"/>', '<path {} d="M1.9 1.9h8.2v8.2H1.9z"/>'),
    "": ("none", '<circle {} cx="6" cy="6" r="4.4"/>', '<circle {} cx="6" cy="6" r="4.4"/>'),
}
IN_SCRIPTS = ((b"<", b"\\u003C"), (b">", b"\\u003E"), (b"&", b"\\u0026"))  # as Django's json_script writes them
LOW_GRADES = {"D", "E"}
TENTH = Decimal("0.1")
SIZES = {"": "", "sm": " band--sm", "lg": " band--lg"}
WORDS = {
    "on_track": gettext_noop("On track"),
    "at_risk": gettext_noop("At risk"),
    "off_track": gettext_noop("Off track"),
    "": gettext_noop("No band"),
}
STATE_WORDS = {"provisional": gettext_noop("provisional"), "stale": gettext_noop("data stale")}
STATES = {"": "", "provisional": " band--hollow", "stale": " band--stale"}


class Person(Protocol):
    """Who can be shown as initials."""

    name: str
    initials: str


@register.simple_tag
def band(band: str, size: str = "", state: str = "", label: bool = True) -> SafeString:
    """Draw a band's shape: hollow if provisional, hatched if stale, a dashed ring without band.

    `label=False` beside the band's own word, so that it isn't read out twice.
    """
    return _band(band or "", size, state, label, get_language())


@register.simple_tag
def band_word(band: str, state: str = "") -> SafeString:
    """Draw a band's shape and word in its colour, like “● On track”."""
    kind = SHAPES[band or ""][0]
    shape = _band(band or "", "", state, False, get_language())
    return mark_safe(f'<span class="band-word band-word--{kind}">{shape}{escape(band_name(band, state))}</span>')


@register.filter
def band_name(band: str, state: str = "") -> str:
    """Name a band, like “At risk” or “At risk, provisional”."""
    return gettext(WORDS[band or ""]) + (f", {gettext(STATE_WORDS[state])}" if state else "")


@register.simple_tag
def flow(old: str, new: str) -> SafeString:
    """Draw a movement from one band to another."""
    language = get_language()
    spoken = gettext("%(old)s before, %(new)s now") % {"old": band_name(old), "new": band_name(new)}
    shapes = f"{_band(old or '', '', '', False, language)}<i></i>{_band(new or '', '', '', False, language)}"
    return mark_safe(f'<span class="flow">{shapes}<span class="sr-only">{escape(spoken)}</span></span>')


@register.simple_tag
def bullet(bullet: Bullet, label: str = "") -> SafeString:
    """Draw a score on the common scale; `label` replaces the words read out for it."""
    size = f'class="bullet" viewBox="0 0 {bullets.WIDTH} 18" preserveAspectRatio="none" role="img"'
    if bullet.score is None:
        words = escape(label or gettext("No value yet"))
        return mark_safe(
            f'<svg {size} aria-label="{words}"><line class="empty" x1="0" x2="{bullets.WIDTH}" y1="9" y2="9"/></svg>'
        )
    if label:
        words = escape(label)
    else:
        before = None if bullet.previous_score is None else _tenth(bullet.previous_score)
        words = _score_words(_tenth(bullet.score), before, get_language())
    was = f'<circle class="was" cx="{bullet.was}" cy="9" r="2.5"/>' if bullet.was else ""
    return mark_safe(
        f'<svg {size} aria-label="{words}">{RANGES}'
        f'<rect class="bar" x="0" y="6.5" width="{bullet.bar}" height="5"/>{was}'
        f'<rect class="goal" x="{bullets.GOAL - 1}" y="1.5" width="2" height="15"/></svg>'
    )


@register.simple_tag
def spark(spark: Spark | Mapping[str, str] | None) -> SafeString:
    """Draw the line of the last periods, fresh or as stored; nothing when nothing was measured."""
    if not spark:
        return mark_safe("")
    if isinstance(spark, Mapping):
        spark = Spark(**spark)
    path, goal, top, height = (escape(part) for part in (spark.path, spark.goal, spark.range_top, spark.range_height))
    parts = []
    if top:
        parts.append(f'<rect class="range" x="0" y="{top}" width="{sparklines.WIDTH}" height="{height}"/>')
    if goal:
        parts.append(f'<line class="goal" x1="0" x2="{sparklines.WIDTH}" y1="{goal}" y2="{goal}"/>')
    parts.append(f'<path class="line" d="{path}"/>')
    if spark.last_x:
        parts.append(_last_mark(spark))
    role = f'role="img" aria-label="{escape(spark.label)}"' if spark.label else 'aria-hidden="true"'
    box = f"0 0 {sparklines.WIDTH} {sparklines.HEIGHT}"
    return mark_safe(f'<svg class="spark" viewBox="{box}" {role}>{"".join(parts)}</svg>')


@register.simple_tag
def chart_data(figure: Mapping[str, Any]) -> SafeString:
    """Put the data of a chart beside it, where charts.js finds it; nothing in it can end the element."""
    data = orjson.dumps(figure)
    for sign, written in IN_SCRIPTS:
        data = data.replace(sign, written)
    return mark_safe(f'<script id="chart-data" type="application/json">{data.decode()}</script>')


@register.simple_tag
def avatar(person: Person, label: bool = True) -> SafeString:
    """Draw a person's initials; `label=False` beside the name."""
    name = escape(person.name)
    spoken = f'title="{name}" aria-label="{name}" role="img"' if label else 'aria-hidden="true"'
    return mark_safe(f'<span class="avatar" {spoken}>{escape(person.initials)}</span>')


@register.simple_tag
def grade(letter: str) -> SafeString:
    """Print the grade of confidence in a value as a small letter; nothing where there is none."""
    return _grade(letter, get_language()) if letter else mark_safe("")


RANGES = "".join(
    f'<rect class="r-{kind}" x="{start}" y="3" width="{end - start}" height="12"/>'
    for kind, start, end in (
        ("off", 0, bullets.RED_FLAG),
        ("risk", bullets.RED_FLAG, bullets.GOAL),
        ("on", bullets.GOAL, bullets.WIDTH),
    )
)


@cache
def _band(band: str, size: str, state: str, label: bool, language: str | None) -> SafeString:
    """Build a shape once per band, size, state and language; `language` only tells the cache apart."""
    kind, filled, hollow = SHAPES[band]
    shape = (hollow if state == "provisional" else filled).format('class="s"')
    if state == "stale":
        shape = filled.format(f'fill="url(#hatch-{kind})"') + shape
    spoken = f'role="img" aria-label="{escape(band_name(band, state))}"' if label else 'aria-hidden="true"'
    classes = f"band band--{kind}{SIZES[size]}{STATES[state]}"
    return mark_safe(f'<svg class="{classes}" viewBox="0 0 12 12" {spoken}>{shape}</svg>')


def grade_words(letter: str) -> str:
    """Say a grade, like “Data confidence B”."""
    return gettext("Data confidence %(grade)s") % {"grade": letter}


@cache
def _grade(letter: str, language: str | None) -> SafeString:
    words = escape(grade_words(letter))
    kind = " grade--low" if letter in LOW_GRADES else ""
    return mark_safe(f'<span class="grade{kind}" title="{words}" role="img" aria-label="{words}">{letter}</span>')


@lru_cache(maxsize=4096)
def _score_words(score: Decimal, previous: Decimal | None, language: str | None) -> str:
    """Say two scores; asked with one decimal, so that few pairs exist and translating them is paid once."""
    figures = {"score": number(score, 1, locale=language or "en")}
    if previous is None:
        return escape(gettext("Score %(score)s of 10") % figures)
    figures["before"] = number(previous, 1, locale=language or "en")
    return escape(gettext("Score %(score)s of 10; %(before)s at the last review") % figures)


def _tenth(score: Decimal) -> Decimal:
    return score.quantize(TENTH, rounding=ROUND_HALF_UP)


def _last_mark(spark: Spark) -> str:
    kind, x, y = SHAPES[spark.band or ""][0], float(spark.last_x), float(spark.last_y)
    if kind == "risk":
        return f'<path class="last last--risk" d="M{x:.1f} {y - 3.9:.1f}l3.9 6.8h-7.8z"/>'
    if kind == "off":
        return f'<rect class="last last--off" x="{x - 3.15:.1f}" y="{y - 3.15:.1f}" width="6.3" height="6.3"/>'
    return f'<circle class="last last--{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>'
