"""Names of months as files have them, in the languages of their writers; no two name different months alike."""

from __future__ import annotations

import re
from datetime import date

_NAMES = (
    "January February March April May June July August September October November December",
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
)
_SHORT = {
    "janv": 1, "jän": 1, "jänner": 1, "févr": 2, "mrz": 3, "maerz": 3, "mrt": 3, "avr": 4, "juil": 7, "sept": 9,
    "sett": 9,
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+\.?")


def _known() -> dict[str, int]:
    known: dict[str, set[int]] = {}
    for names in _NAMES:
        for month, name in enumerate(names.casefold().split(), start=1):
            for text in (name, name[:3]):
                known.setdefault(text, set()).add(month)
    return {text: months.pop() for text, months in known.items() if len(months) == 1} | _SHORT


MONTH_OF = _known()


def in_english(text: str, *, short: bool) -> str:
    """Return the text with names of months as strptime knows them, all of them short or whole."""

    def named(match: re.Match[str]) -> str:
        month = MONTH_OF.get(match[0].rstrip(".").casefold())
        return match[0] if month is None else date(2000, month, 1).strftime("%b" if short else "%B")

    return _WORD.sub(named, text)
