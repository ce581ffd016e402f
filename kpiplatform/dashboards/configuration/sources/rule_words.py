"""Rules in words, in the language of the reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpis.domain.figures import number, plain
from kpis.models import DataSource, PullCheck, QualityRule
from kpis.words import in_words

KINDS = {
    "range": gettext_lazy("A column lies in a range"),
    "filled": gettext_lazy("Columns are filled in"),
    "type": gettext_lazy("A column is of a type"),
    "allowed": gettext_lazy("A column is one of a list"),
    "unique": gettext_lazy("Columns together come once"),
    "rising": gettext_lazy("A column never falls"),
    "rows": gettext_lazy("As many rows as usual"),
    "total": gettext_lazy("Rows agree with a control total"),
    "fresh": gettext_lazy("The newest row is young"),
}
TYPES = {
    "number": gettext_lazy("a number"),
    "whole": gettext_lazy("a whole number"),
    "day": gettext_lazy("a day written as 2026-11-22"),
}
SEVERITIES = {
    "refuse": gettext_lazy("refuse the row, take the rest"),
    "hold": gettext_lazy("hold the pull until somebody decides"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A rule in the list: what it says, about which rows, what follows, and how the last pull kept it."""

    pk: int
    says: str
    about: str
    follows: str
    last: str
    is_broken: bool


def rules_of(source: DataSource, *, locale: str) -> list[RuleRow]:
    """Return the rules of a source with how the last pull kept each."""
    last = PullCheck.objects.filter(rule=OuterRef("pk")).order_by("-pk")
    rows = (
        QualityRule.objects.filter(source=source)
        .select_related("mapping__kpi", "control_kpi")
        .annotate(last_says=Subquery(last.values("says")[:1]), last_kept=Subquery(last.values("is_kept")[:1]))
    )
    return [
        RuleRow(
            pk=row.pk,
            says=sentence(row, locale=locale),
            about=row.mapping.kpi.name if row.mapping else _("every row"),
            follows=str(SEVERITIES[row.severity]),
            last=in_words(row.last_says, locale=locale) or _("not asked yet"),
            is_broken=row.last_kept is False,
        )
        for row in rows
    ]


def sentence(rule: QualityRule, *, locale: str) -> str:
    """Say what a rule asks, like “dep_delay lies between −60 and 1,440”."""
    words: dict[str, Any] = {
        "columns": ", ".join(rule.columns),
        "low": _figure(rule.low, locale),
        "high": _figure(rule.high, locale),
        "control": rule.control_kpi.name if rule.control_kpi else rule.control_column,
        "tolerance": plain(rule.tolerance),
        "list": ", ".join(map(str, rule.allowed)),
        "type": TYPES.get(rule.value_type, TYPES["number"]),
    }
    return _form(rule) % words


def _form(rule: QualityRule) -> str:
    if rule.kind in {"range", "rows"}:
        bounds = (rule.low is not None, rule.high is not None)
        return _ranges()[bounds] if rule.kind == "range" else _rows()[bounds]
    if rule.kind == "total":
        form = _("the sum of %(columns)s agrees with %(control)s") if rule.columns else _("rows agree with %(control)s")
        return form + (", " + _("within %(tolerance)s %%") if rule.tolerance else "")
    if rule.kind == "unique":
        return _("%(columns)s comes once") if len(rule.columns) == 1 else _("%(columns)s together come once")
    return {
        "type": _("%(columns)s is %(type)s"),
        "filled": _("%(columns)s is filled in"),
        "rising": _("%(columns)s never falls from one row to the next"),
        "allowed": _("%(columns)s is one of %(list)s"),
        "fresh": _("the newest row is at most %(high)s days old"),
    }[rule.kind]


def _ranges() -> dict[tuple[bool, bool], str]:
    return {
        (True, True): _("%(columns)s lies between %(low)s and %(high)s"),
        (True, False): _("%(columns)s is at least %(low)s"),
        (False, True): _("%(columns)s is at most %(high)s"),
    }


def _rows() -> dict[tuple[bool, bool], str]:
    return {
        (True, True): _("rows a day are %(low)s to %(high)s %% of the usual"),
        (True, False): _("rows a day are at least %(low)s %% of the usual"),
        (False, True): _("rows a day are at most %(high)s %% of the usual"),
    }


def _figure(value: Any, locale: str) -> str:
    if value is None:
        return ""
    places = max(0, -int(value.normalize().as_tuple().exponent))
    return number(value, places, locale=locale)
