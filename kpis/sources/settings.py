"""The settings of a source: declared once per kind, for the form that asks for them and the pull that reads them.

What is declared here is plain data. Labels and helps are translated where they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kpis.domain.parsing import GROUPINGS
from kpis.sources.base import SourceError


def gettext_noop(text: str) -> str:
    """Mark a text for translation; whoever shows it translates it. The process that reads sources knows no Django."""
    return text


class Type(StrEnum):
    """What the value of a setting is, and so which field asks for it."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    WHOLE = "whole"
    FLAG = "flag"
    CHOICE = "choice"
    NAMES = "names"
    PAIRS = "pairs"
    STEPS = "steps"


_PYTHON = {Type.WHOLE: int, Type.FLAG: bool, Type.NAMES: list, Type.PAIRS: dict, Type.STEPS: list}
_WORDS = {
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a table of names and values",
    str: "a text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: `only_if` names another one and the values of it with which this one counts.

    A secret is never part of the settings that are stored: it is a credential of the source under this name.
    """

    name: str
    label: str
    type: Type = Type.TEXT
    help: str = ""
    default: Any = ""
    required: bool = False
    is_secret: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    only_if: tuple[str, tuple[str, ...]] | None = None
    least: int = 0
    most: int = 2**31

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Return whether the setting means anything beside the other `values`."""
        return self.only_if is None or values.get(self.only_if[0]) in self.only_if[1]


def read_settings(config: Any, secrets: Mapping[str, str], declared: Sequence[Setting]) -> dict[str, Any]:
    """Return every declared setting; missing, unknown and wrongly typed ones are refused.

    One that does not count beside the others has its default, whatever is stored.
    """
    if not isinstance(config, dict):
        raise SourceError("The settings of the source are not a table of names and values.")
    known = {setting.name: setting for setting in declared}
    unknown = sorted(set(config) - set(known))
    if unknown:
        raise SourceError(f"The source has an unknown setting: {unknown[0]}.")
    values: dict[str, Any] = {}
    for setting in declared:
        if setting.is_secret and setting.name in config:
            raise SourceError(f"{setting.name} is a secret and is not stored with the settings of the source.")
        given = secrets if setting.is_secret else config
        counts = setting.counts(values)
        values[setting.name] = given.get(setting.name, setting.default) if counts else setting.default
        if counts:
            _check(setting, values[setting.name])
    return values


def _check(setting: Setting, value: Any) -> None:
    expected = _PYTHON.get(setting.type, str)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise SourceError(f"The setting {setting.name} of the source is {_WORDS[expected]}.")
    if setting.required and not value:
        raise SourceError(f"The source needs the setting {setting.name}.")
    if setting.choices and value not in [choice for choice, _ in setting.choices]:
        listed = ", ".join(choice or "nothing" for choice, _ in setting.choices)
        raise SourceError(f"The setting {setting.name} of the source is one of {listed}.")
    if setting.type is Type.NAMES and not all(isinstance(name, str) and name for name in value):
        raise SourceError(f"The setting {setting.name} of the source is a list of column names.")
    if setting.type is Type.PAIRS and not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise SourceError(f"The setting {setting.name} of the source holds names and texts.")
    if setting.type is Type.WHOLE and not setting.least <= value <= setting.most:
        raise SourceError(f"The setting {setting.name} of the source is between {setting.least} and {setting.most}.")


ORIGINS = (
    ("folder", gettext_noop("a file in the folder of the sources")),
    ("url", gettext_noop("a file at a web address")),
    ("upload", gettext_noop("files that somebody sends in")),
)
# How a server is asked who is asking.
AUTHENTICATION = (
    Setting(
        name="auth",
        label=gettext_noop("Signs in"),
        type=Type.CHOICE,
        default="none",
        choices=(
            ("none", gettext_noop("not at all")),
            ("basic", gettext_noop("with a name and a password")),
            ("token", gettext_noop("with a token")),
        ),
    ),
    Setting(
        name="user",
        label=gettext_noop("Name"),
        required=True,
        only_if=("auth", ("basic",)),
    ),
    Setting(
        name="password",
        label=gettext_noop("Password"),
        required=True,
        is_secret=True,
        only_if=("auth", ("basic",)),
    ),
    Setting(
        name="token",
        label=gettext_noop("Token"),
        help=gettext_noop("Sent as Authorization: Bearer … unless another header is named."),
        required=True,
        is_secret=True,
        only_if=("auth", ("token",)),
    ),
    Setting(
        name="token_header",
        label=gettext_noop("Header of the token"),
        help=gettext_noop("Empty for Authorization: Bearer …"),
        only_if=("auth", ("token",)),
    ),
    Setting(
        name="headers",
        label=gettext_noop("Further headers"),
        type=Type.PAIRS,
        default={},
        help=gettext_noop("Names and values that are no secret."),
    ),
)


def _only_at_a_url(setting: Setting) -> Setting:
    return setting if setting.only_if else replace(setting, only_if=("origin", ("url",)))


# Where the bytes of a file come from.
FILE = (
    Setting(name="origin", label=gettext_noop("Comes from"), type=Type.CHOICE, default="folder", choices=ORIGINS),
    Setting(
        name="path",
        label=gettext_noop("File"),
        help=gettext_noop("Name in the folder of the sources, like sales/today.csv"),
        required=True,
        only_if=("origin", ("folder",)),
    ),
    Setting(
        name="url",
        label=gettext_noop("Address"),
        help=gettext_noop("Begins with https://"),
        required=True,
        only_if=("origin", ("url",)),
    ),
    *(_only_at_a_url(setting) for setting in AUTHENTICATION),
)

# What every kind has: the column of the days, how texts are read, what is made of the rows before they count.
READING = (
    Setting(
        name="date_column",
        label=gettext_noop("Column of the day"),
        help=gettext_noop("Empty only for a snapshot, whose rows are of the day they are read."),
    ),
    Setting(
        name="date_format",
        label=gettext_noop("Days are written"),
        default="%Y-%m-%d",
        required=True,
        help=gettext_noop("With %d for the day, %m the month, %Y the year: %d.%m.%Y is 21.11.2026."),
    ),
    Setting(
        name="decimal",
        label=gettext_noop("Decimal mark"),
        type=Type.CHOICE,
        default=".",
        choices=((".", gettext_noop("point: 12.5")), (",", gettext_noop("comma: 12,5"))),
    ),
    Setting(
        name="grouping",
        label=gettext_noop("Digits are grouped by"),
        type=Type.CHOICE,
        default="",
        choices=tuple(
            zip(
                GROUPINGS,
                (
                    gettext_noop("nothing: 1234"),
                    gettext_noop("comma: 1,234"),
                    gettext_noop("point: 1.234"),
                    gettext_noop("space: 1 234"),
                    gettext_noop("apostrophe: 1'234"),
                    gettext_noop("typographic apostrophe: 1’234"),
                ),
                strict=True,
            )
        ),
    ),
    Setting(
        name="percent",
        label=gettext_noop("A percent sign may follow"),
        type=Type.FLAG,
        default=False,
        help=gettext_noop("12.5 % is read as 12.5; the unit of the KPI says the rest."),
    ),
    Setting(
        name="accounting",
        label=gettext_noop("Parentheses mean minus"),
        type=Type.FLAG,
        default=False,
        help=gettext_noop("(12) is read as −12."),
    ),
    Setting(
        name="unique_by",
        label=gettext_noop("One row for each"),
        type=Type.NAMES,
        default=[],
        help=gettext_noop("Columns that together name a row. A second row with the same content there is left out."),
    ),
    Setting(
        name="steps",
        label=gettext_noop("Made of the rows before they count"),
        type=Type.STEPS,
        default=[],
        help=gettext_noop("Columns renamed or turned into rows, formats of single columns, rows left out, ratios."),
    ),
)
