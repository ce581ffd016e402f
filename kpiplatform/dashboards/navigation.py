"""The main navigation: what a person opens every week, in the order of interface.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from objectives.queries import auditing_scope_of, may_configure, scope_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the navigation, shown to whom it is for."""

    label: Any
    name: str
    shown: Callable[[User, date], bool] = lambda user, today: True


def has_units(user: User, today: date) -> bool:
    """Return whether the pages of units open to `user`."""
    scope = scope_of(user, today=today)
    return scope.everything or scope.strategic or bool(scope.unit_paths)


def only_audits(user: User, today: date) -> bool:
    """Return whether `user` reads the audit trail and finds it nowhere else: administrators do in the configuration."""
    scope = auditing_scope_of(user, today=today)
    return bool(scope.everything or scope.unit_paths) and not may_configure(user, today=today)


ENTRIES = (
    Entry(label=gettext_lazy("Scorecard"), name="scorecard"),
    Entry(label=gettext_lazy("Map"), name="map"),
    Entry(label=gettext_lazy("Units"), name="units", shown=has_units),
    Entry(label=gettext_lazy("My KPIs"), name="my:kpis"),
    Entry(label=gettext_lazy("Initiatives"), name="initiatives:initiatives"),
    Entry(label=gettext_lazy("Reviews"), name="reviews:reviews"),
    Entry(label=gettext_lazy("Alerts"), name="alerts:inbox"),
    Entry(label=gettext_lazy("Audit trail"), name="audit", shown=only_audits),
    Entry(
        label=gettext_lazy("Mailbox"), name="alerts:mailbox", shown=lambda user, today: bool(settings.KPI_MAILBOX_DIR)
    ),
    Entry(
        label=gettext_lazy("Configuration"),
        name="configuration",
        shown=lambda user, today: may_configure(user, today=today),
    ),
)


def navigation(user: User, path: str, *, today: date, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the entries for `user` as label, address, what waits there by `counts`, and whether `path` lies below.

    Asks no query of its own.
    """
    shown = [(entry, reverse(entry.name)) for entry in ENTRIES if entry.shown(user, today)]
    return [
        {"label": entry.label, "url": url, "current": path.startswith(url), "count": counts.get(entry.name, 0)}
        for entry, url in shown
    ]


def items_of(entries: Iterable[Mapping[str, Any]]) -> SafeString:
    """Return the entries as items of a list: every page shows them twice, wide and in its menu."""
    return mark_safe("".join([_item(entry) for entry in entries]))


def _item(entry: Mapping[str, Any]) -> str:
    current = ' aria-current="page"' if entry["current"] else ""
    count = f' <span class="n">{entry["count"]}</span>' if entry["count"] else ""
    return f'<li><a href="{escape(entry["url"])}"{current}>{escape(entry["label"])}{count}</a></li>'
