"""WCAG contrast of the colour tokens, computed from their oklch values in both themes."""

import math
import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "css"
THEMES = ("light", "dark")
TEXT, SHAPE = 4.5, 3.0

TEXT_PAIRS = [
    *[(ink, paper) for ink in ("ink", "ink-2", "ink-3") for paper in ("paper", "paper-2")],
    ("ink", "paper-3"),  # pressed buttons
    ("ink-2", "paper-3"),  # initials
    ("paper", "ink"),  # own initials, chosen chips, notices
    ("on-accent", "accent"),
    ("ink", "accent-tint"),
    ("accent", "paper"),
    ("none-text", "paper"),
    ("none-text", "paper-2"),
    *[(f"{band}-text", paper) for band in ("on", "risk", "off") for paper in ("paper", "paper-2", f"{band}-tint")],
    *[("ink", f"{band}-tint") for band in ("on", "risk", "off")],
    ("ink-2", "off-tint"),
]
SHAPE_PAIRS = [
    *[(f"{band}-fill", "paper") for band in ("on", "risk", "off", "none")],
    *[(f"{band}-fill", "paper-2") for band in ("on", "risk", "off", "none")],
    ("control", "paper"),
    ("accent", "paper"),  # focus ring
    ("ink-2", "range-off"),  # the bar of a bullet on its darkest range
    ("ink", "range-risk"),  # its goal
    ("ink-2", "paper-3"),  # a sparkline on its routine range
]


def tokens() -> dict[str, dict[str, tuple[float, float, float]]]:
    """Read the colour tokens: theme → name → (lightness, chroma, hue)."""
    text = (CSS / "tokens.css").read_text()
    root = text[: text.index('[data-theme="light"]')]
    found: dict[str, dict[str, tuple[float, float, float]]] = {theme: {} for theme in THEMES}
    for name, *values in re.findall(r"--([\w-]+):\s*light-dark\(oklch\(([^)/]+)\),\s*oklch\(([^)/]+)\)\)", root):
        for theme, value in zip(THEMES, values, strict=True):
            lightness, chroma, hue = (float(part) for part in value.split())
            found[theme][name] = (lightness, chroma, hue)
    for name, target in re.findall(r"--([\w-]+):\s*var\(--([\w-]+)\);", root):
        for theme in THEMES:
            if target in found[theme]:
                found[theme][name] = found[theme][target]
    return found


def luminance(colour: tuple[float, float, float]) -> float:
    """Return the relative luminance of an oklch colour, by way of OKLab and linear sRGB."""
    lightness, chroma, hue = colour
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    red, green, blue = (min(max(part, 0.0), 1.0) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Return the WCAG ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_ratio_is_that_of_wcag() -> None:
    black, white = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)
    assert contrast(black, white) == pytest.approx(21, abs=0.01)
    assert contrast((0.5, 0, 0), white) == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "background"), TEXT_PAIRS)
def test_text_reads_on_its_background(theme: str, text: str, background: str) -> None:
    colours = tokens()[theme]
    assert contrast(colours[text], colours[background]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("shape", "background"), SHAPE_PAIRS)
def test_shapes_and_edges_stand_out_from_their_background(theme: str, shape: str, background: str) -> None:
    colours = tokens()[theme]
    assert contrast(colours[shape], colours[background]) >= SHAPE


def test_every_token_that_is_used_exists() -> None:
    sheets = [sheet.read_text() for sheet in CSS.rglob("*.css")]
    defined = {name for sheet in sheets for name in re.findall(r"(--[\w-]+)\s*:", sheet)}
    used = {name for sheet in sheets for name in re.findall(r"var\((--[\w-]+)", sheet)}
    assert used <= defined
