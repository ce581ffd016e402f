"""The settings of a source: declared once per kind, for the form that asks for them and the pull that reads them.

What is declared here is plain data. Labels and helps are translated where they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kpis.domain.parsing import GROUPINGS
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import SourceError


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


NEEDED = _("The source needs the setting %(name)s.")
_PYTHON = {Type.WHOLE: int, Type.FLAG: bool, Type.NAMES: list, Type.PAIRS: dict, Type.STEPS: list}
_WORDS = {
    int: _("The setting %(name)s of the source is a whole number."),
    bool: _("The setting %(name)s of the source is true or false."),
    list: _("The setting %(name)s of the source is a list."),
    dict: _("The setting %(name)s of the source is a table of names and values."),
    str: _("The setting %(name)s of the source is a text."),
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
        raise SourceError(Sentence(_("The settings of the source are not a table of names and values.")))
    known = {setting.name: setting for setting in declared}
    unknown = sorted(set(config) - set(known))
    if unknown:
        raise SourceError(Sentence(_("The source has an unknown setting: %(name)s."), {"name": unknown[0]}))
    values: dict[str, Any] = {}
    for setting in declared:
        if setting.is_secret and setting.name in config:
            says = _("%(name)s is a secret and is not stored with the settings of the source.")
            raise SourceError(Sentence(says, {"name": setting.name}))
        given = secrets if setting.is_secret else config
        counts = setting.counts(values)
        values[setting.name] = given.get(setting.name, setting.default) if counts else setting.default
        if counts:
            _check(setting, values[setting.name])
    return values


def _check(setting: Setting, value: Any) -> None:
    expected: type[Any] = _PYTHON.get(setting.type, str)
    named = {"name": setting.name}
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise SourceError(Sentence(_WORDS[expected], named))
    if setting.required and not value:
        raise SourceError(Sentence(NEEDED, named))
    if setting.choices and value not in [choice for choice, _label in setting.choices]:
        listed = ", ".join(choice or '""' for choice, _label in setting.choices)
        raise SourceError(
            Sentence(_("The setting %(name)s of the source is one of %(list)s."), named | {"list": listed})
        )
    if setting.type is Type.NAMES and not all(isinstance(name, str) and name for name in value):
        raise SourceError(Sentence(_("The setting %(name)s of the source is a list of column names."), named))
    if setting.type is Type.PAIRS and not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise SourceError(Sentence(_("The setting %(name)s of the source holds names and texts."), named))
    if setting.type is Type.WHOLE and not setting.least <= value <= setting.most:
        says = _("The setting %(name)s of the source is between %(least)s and %(most)s.")
        raise SourceError(Sentence(says, named | {"least": setting.least, "most": setting.most}))


ORIGINS = (
    ("folder", _("a file in the folder of the sources")),
    ("url", _("a file at a web address")),
    ("upload", _("files that somebody sends in")),
)
# How a server is asked who is asking.
AUTHENTICATION = (
    Setting(
        name="auth",
        label=_("Signs in"),
        type=Type.CHOICE,
        default="none",
        choices=(
            ("none", _("not at all")),
            ("basic", _("with a name and a password")),
            ("token", _("with a token")),
        ),
    ),
    Setting(
        name="user",
        label=_("Name"),
        required=True,
        only_if=("auth", ("basic",)),
    ),
    Setting(
        name="password",
        label=_("Password"),
        required=True,
        is_secret=True,
        only_if=("auth", ("basic",)),
    ),
    Setting(
        name="token",
        label=_("Token"),
        help=_("Sent as Authorization: Bearer … unless another header is named."),
        required=True,
        is_secret=True,
        only_if=("auth", ("token",)),
    ),
    Setting(
        name="token_header",
        label=_("Header of the token"),
        help=_("Empty for Authorization: Bearer …"),
        only_if=("auth", ("token",)),
    ),
    Setting(
        name="headers",
        label=_("Further headers"),
        type=Type.PAIRS,
        default={},
        help=_("One a line, written X-Tenant: north. They are not kept secret."),
    ),
)


def _only_at_a_url(setting: Setting) -> Setting:
    return setting if setting.only_if else replace(setting, only_if=("origin", ("url",)))


# Where the bytes of a file come from.
FILE = (
    Setting(name="origin", label=_("Comes from"), type=Type.CHOICE, default="folder", choices=ORIGINS),
    Setting(
        name="path",
        label=_("File"),
        help=_("Name in the folder of the sources, like sales/today.csv"),
        required=True,
        only_if=("origin", ("folder",)),
    ),
    Setting(
        name="url",
        label=_("Address"),
        help=_("Begins with https://"),
        required=True,
        only_if=("origin", ("url",)),
    ),
    *(_only_at_a_url(setting) for setting in AUTHENTICATION),
)

# What every kind has: the column of the days, how texts are read, what is made of the rows before they count.
READING = (
    Setting(
        name="date_column",
        label=_("Column of the day"),
        help=_("Empty only for a snapshot, whose rows are of the day they are read."),
    ),
    Setting(
        name="date_format",
        label=_("Days are written"),
        default="%Y-%m-%d",
        required=True,
        help=_(
            "With %d for the day, %m the month, %Y the year: %d.%m.%Y is 21.11.2026. %b %Y is Nov 2026, also in other"
            " languages, %G-W%V the week 2026-W47, Q%q %Y the quarter Q4 2026."
        ),
    ),
    Setting(
        name="decimal",
        label=_("Decimal mark"),
        type=Type.CHOICE,
        default=".",
        choices=((".", _("point: 12.5")), (",", _("comma: 12,5"))),
    ),
    Setting(
        name="grouping",
        label=_("Digits are grouped by"),
        type=Type.CHOICE,
        default="",
        choices=tuple(
            zip(
                GROUPINGS,
                (
                    _("nothing: 1234"),
                    _("comma: 1,234"),
                    _("point: 1.234"),
                    _("space: 1 234"),
                    _("apostrophe: 1'234"),
                    _("typographic apostrophe: 1’234"),
                ),
                strict=True,
            )
        ),
    ),
    Setting(
        name="percent",
        label=_("A percent sign may follow"),
        type=Type.FLAG,
        default=False,
        help=_("12.5 % is read as 12.5; the unit of the KPI says the rest."),
    ),
    Setting(
        name="accounting",
        label=_("Parentheses mean minus"),
        type=Type.FLAG,
        default=False,
        help=_("(12) is read as −12."),
    ),
    Setting(
        name="unique_by",
        label=_("One row for each"),
        type=Type.NAMES,
        default=[],
        help=_("Columns that together name a row. A second row with the same content there is left out."),
    ),
    Setting(
        name="steps",
        label=_("Made of the rows before they count"),
        type=Type.STEPS,
        default=[],
        help=_("Columns renamed or turned into rows, formats of single columns, rows left out, ratios."),
    ),
)
