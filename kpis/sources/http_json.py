"""Rows of a web service that answers in JSON, page after page."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from kpis.domain.sentences import Sentence, joined
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Place, Refusal, SourceError, Table, Window, require_columns
from kpis.sources.cells import Formats
from kpis.sources.http import Client, headers_of
from kpis.sources.settings import AUTHENTICATION, READING, Setting, Type

FIRST_DAY = date(1900, 1, 1)
PAGES_AT_MOST = 10_000
DEPTH_AT_MOST = 5
ABOVE = "above"  # what the fields of rows are called that have no name and hold the rows that are read
COUNTED = ("number", "offset")  # ways of paging by a number that goes up

SETTINGS = (
    Setting(
        name="url",
        label=_("Address"),
        required=True,
        help=_("{since} in it stands for the first day asked for, {until} for the day after the last."),
    ),
    *AUTHENTICATION,
    Setting(
        name="rows_at",
        label=_("Rows are at"),
        help=_(
            "Path to the list of rows, like data.items; empty if the answer is the list. Lists inside of rows are "
            "reached too: orders.items gives a row for each item, with the day of its order as orders.day."
        ),
    ),
    Setting(
        name="paging",
        label=_("Further pages"),
        type=Type.CHOICE,
        default="none",
        choices=(
            ("none", _("there are none")),
            ("link", _("the answer holds the address of the next page")),
            ("header", _("the header “Link” holds the address of the next page")),
            ("number", _("pages are counted, the first empty one is the end")),
            ("offset", _("rows are counted: a page begins after those that came, the first empty one is the end")),
            ("cursor", _("the answer holds a mark to ask for the next page with")),
        ),
    ),
    Setting(
        name="next_at",
        label=_("Next page is at"),
        required=True,
        only_if=("paging", ("link", "cursor")),
        help=_("Path to the address or mark of the next page, like links.next."),
    ),
    Setting(
        name="page_parameter",
        label=_("Parameter of the page"),
        default="page",
        required=True,
        only_if=("paging", (*COUNTED, "cursor")),
        help=_("Its name in the address, like page, offset or cursor."),
    ),
    Setting(
        name="first_page",
        label=_("Number of the first page"),
        type=Type.WHOLE,
        default=1,
        most=1,
        only_if=("paging", ("number",)),
    ),
    *READING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpJson:
    """A list of objects in the answer to a GET; a nested field is a column like customer.region."""

    place: Place
    settings: Mapping[str, Any]
    formats: Formats

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], place: Place) -> HttpJson:
        """Return the service that the settings describe; SourceError says what is wrong with them."""
        return cls(place=place, settings=settings, formats=Formats.of(settings, zone=place.zone))

    @property
    def asks_for_days(self) -> bool:
        """Return whether the address has the days."""
        return "{since}" in self.settings["url"] or "{until}" in self.settings["url"]

    def choices(self) -> dict[str, list[str]]:
        """Return nothing: an answer has one list of rows."""
        return {}

    def tables(self, *, window: Window, names: frozenset[str] | None) -> Iterator[Table]:
        """Yield the rows of each page; lines are counted over all pages."""
        client = Client(place=self.place, headers=headers_of(self.settings))
        url, line, left = self._first(window), 0, self.place.limits.size
        asked: set[str] = set()
        before: list[Any] = []
        for page in range(PAGES_AT_MOST):
            if url in asked:
                raise SourceError(Sentence(_("A page of the answer leads to one that was read already.")))
            asked.add(url)
            answer, size, linked = _read(client, url, left)
            left -= size
            rows = _rows_at(answer, self.settings["rows_at"])
            if self.settings["paging"] in COUNTED and self._is_over(rows, before, page):
                return
            if rows:
                yield _table(rows, names, before=line, is_first=not line)
            line += len(rows)
            following = self._after(url, answer, linked, page=page, line=line)
            if following is None:
                return
            url, before = following, rows
        raise SourceError(Sentence(_("The answer has more than %(most)s pages."), {"most": PAGES_AT_MOST}))

    def _is_over(self, rows: Sequence[Any], before: Sequence[Any], page: int) -> bool:
        """Return whether counted pages end here: some servers give the last page again for every one after it.

        A second page like the first is refused: the server may not know the parameter, and more rows never come.
        """
        if rows and rows == before and page == 1:
            says = _(
                "The second page has the same rows as the first: “%(parameter)s” may not be what pages are counted by. "
                "If the answer has all rows, there are no further pages. Nothing was taken."
            )
            raise SourceError(Sentence(says, {"parameter": self.settings["page_parameter"]}))
        return not rows or rows == before

    def _first(self, window: Window) -> str:
        since, until = (window.since or FIRST_DAY).isoformat(), window.until.isoformat()
        url = self.settings["url"].replace("{since}", since).replace("{until}", until)
        if self.settings["paging"] in COUNTED:
            return self._counted(url, page=0, line=0)
        return url

    def _counted(self, url: str, *, page: int, line: int) -> str:
        number = line if self.settings["paging"] == "offset" else self.settings["first_page"] + page
        return _with_parameter(url, self.settings["page_parameter"], str(number))

    def _after(self, url: str, answer: Any, linked: str | None, *, page: int, line: int) -> str | None:
        """Return the address of the next page, None after the last one; `line` rows have come so far."""
        if self.settings["paging"] in COUNTED:
            return self._counted(url, page=page + 1, line=line)
        if self.settings["paging"] == "none":
            return None
        following = linked if self.settings["paging"] == "header" else _at(answer, self.settings["next_at"])
        if following is None or following == "":
            return None
        if not isinstance(following, str | int) or isinstance(following, bool):
            says = _("What is at %(place)s does not lead to a next page.")
            raise SourceError(Sentence(says, {"place": self.settings["next_at"]}))
        if self.settings["paging"] == "cursor":
            return _with_parameter(url, self.settings["page_parameter"], str(following))
        target = urljoin(url, str(following))
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            # What the source signs in with is for the server it names.
            says = _("The next page of the answer is on another server, which is not followed.")
            raise SourceError(Sentence(says))
        return target


def _read(client: Client, url: str, left: int) -> tuple[Any, int, str | None]:
    """Return what a page holds, how many bytes it has, and the next page that its header names."""
    answer = client.get(url, size=left)
    body = io.BufferedReader(answer).read()
    try:
        text = body if answer.charset == "utf-8" else body.decode(answer.charset)
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant), len(body), answer.following
    except (UnicodeDecodeError, LookupError):
        says = _("The answer is not written in %(charset)s, as it should be.")
        raise SourceError(Sentence(says, {"charset": answer.charset.upper()[:20]})) from None
    except (ValueError, RecursionError):
        raise SourceError(Sentence(_("The answer is no JSON, or only a part of it."))) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _rows_at(answer: Any, path: str) -> list[Any]:
    rows = _inside(answer, path.split(".") if path else [])
    if rows is None:
        missing = (
            Sentence(_("There is no list of rows at %(place)s."), {"place": path})
            if path
            else Sentence(_("There is no list of rows in the answer."))
        )
        raise SourceError(joined([missing, _found_instead(answer, path)]))
    return rows


def _inside(value: Any, names: Sequence[str]) -> list[Any] | None:
    """Return the rows that the path leads to, None where there is no list; one on the way gives those of its rows."""
    for at, name in enumerate(names):
        if isinstance(value, list):
            return _of_each(value, names[at:], place=".".join(names[:at]))
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value if isinstance(value, list) else None


def _of_each(rows: Sequence[Any], names: Sequence[str], *, place: str) -> list[Any] | None:
    """Return the rows inside of each row, with what that one says beside them: the day of an order with its items."""
    found: list[Any] = []
    is_there = not rows
    for row in rows:
        inside = _inside(row, names)
        if inside is None:
            continue  # a row without any
        is_there = True
        beside = {
            f"{place or ABOVE}.{name}": value
            for name, value in row.items()
            if name != names[0] and not isinstance(value, list)
        }
        found += [{**beside, **one} if isinstance(one, dict) else one for one in inside]
    return found if is_there else None


def _at(answer: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(answer, dict) or name not in answer:
            return None
        answer = answer[name]
    return answer


def _found_instead(answer: Any, path: str) -> Sentence:
    """Say what is there, as deep as the path leads."""
    place = ""
    for name in path.split("."):
        if not isinstance(answer, dict) or name not in answer:
            break
        answer, place = answer[name], f"{place}.{name}".strip(".")
    if isinstance(answer, list):
        return (
            Sentence(_("There is one at %(place)s."), {"place": place})
            if place
            else Sentence(_("The answer is the list: leave the path empty."))
        )
    if not isinstance(answer, dict):
        return Sentence(_("It is a single value."))
    names = ", ".join(map(str, answer))[:200]
    return (
        Sentence(_("%(place)s has: %(names)s"), {"place": place, "names": names})
        if place
        else Sentence(_("The answer has: %(names)s"), {"names": names})
    )


def _table(rows: Sequence[Any], names: frozenset[str] | None, *, before: int, is_first: bool) -> Table:
    flat, lines, refusals = [], [], []
    for line, row in enumerate(rows, start=before + 1):
        if isinstance(row, dict):
            flat.append(_flat(row))
            lines.append(line)
        else:
            refusals.append(Refusal(line, Sentence(_("The row is no table of names and values."))))
    # A field that a row leaves out is empty; one that no row of the first page has is not there.
    found = list(dict.fromkeys(name for row in flat for name in row))
    wanted = sorted(names) if names is not None else found
    if flat and is_first:
        require_columns(found, wanted, where=Sentence(_("The answer")))
    return Table(columns={name: [row.get(name) for row in flat] for name in wanted}, lines=lines, refusals=refusals)


def _flat(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict) and depth < DEPTH_AT_MOST:
            cells.update(_flat(value, f"{prefix}{name}.", depth + 1))
        else:
            cells[f"{prefix}{name}"] = json.dumps(value, default=str) if isinstance(value, dict | list) else value
    return cells


def _with_parameter(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    pairs = [(key, given) for key, given in parse_qsl(parts.query, keep_blank_values=True) if key != name]
    return urlunsplit(parts._replace(query=urlencode([*pairs, (name, value)])))
