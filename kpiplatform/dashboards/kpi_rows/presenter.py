"""The rows behind a value, ready to print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpis.dates import moment, span_label
from kpis.domain.figures import number, with_unit
from kpis.domain.periods import Period
from kpis.forms import period_name
from kpis.grades import grades_of
from kpis.models import DataSource, Kpi, Measurement
from kpis.services.drilling import Drilled
from kpis.sources.base import SourceError, TookTooLong
from kpis.words import in_words
from objectives.queries import may_configure


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The value whose rows are asked for."""

    kpi: Kpi
    period: Period
    present: Measurement | None
    today: date


def unread_page(asked: Asked, error: SourceError, user: User) -> dict[str, Any]:
    """Return what the page prints where the rows could not be read: why, and what helps."""
    source = asked.kpi.mapping.source
    words = [in_words(error.why, locale=user.locale)]
    if isinstance(error, TookTooLong):
        words.append(_quicker(source))
    return _frame(asked, user) | {"error": " ".join(words)}


def drilled_page(asked: Asked, found: Drilled, user: User) -> dict[str, Any]:
    """Return what the page prints."""
    here = reverse("kpi_rows", args=[asked.kpi.code, asked.period.start])
    query = urlencode({"part": found.part})
    return _frame(asked, user) | {
        "says": _compared(asked, found, user),
        "is_other": _is_other(asked, found),
        "parts": [
            (f"{here}?{urlencode({'part': name})}", label, number(Decimal(count), 0, locale=user.locale), is_chosen)
            for name, label, count, is_chosen in _parts(asked.kpi, found)
        ],
        "columns": [(name, name in found.page.numbers) for name in found.page.columns],
        "rows": [
            (
                line,
                day,
                [(cell, name in found.page.numbers) for name, cell in zip(found.page.columns, cells, strict=True)],
            )
            for line, day, cells in found.page.rows
        ],
        "next": f"{here}?{query}&{urlencode({'after': found.page.end})}" if found.page.has_more else "",
        "file": f"{reverse('kpi_rows_file', args=[asked.kpi.code, asked.period.start])}?{query}",
    }


def _frame(asked: Asked, user: User) -> dict[str, Any]:
    source = asked.kpi.mapping.source
    configures = may_configure(user, today=asked.today)
    return {
        "kpi": asked.kpi,
        "source": source,
        "columns_are_agreed": reverse("configuration:agreement", args=[source.code]) if configures else "",
        "period": period_name(asked.period),
        "dates": span_label(asked.period),
        "recorded": _recorded(asked, user),
    }


def _quicker(source: DataSource) -> str:
    """Say what makes a source answer in the time that a page waits."""
    advice = {
        DataSource.Kind.SQL_QUERY: _("An index of the database on the column of the day makes it quicker."),
        DataSource.Kind.HTTP_JSON: _("An address that asks for the days by {since} and {until} makes it quicker."),
    }
    smaller = _("A file without the days that nobody needs any more is read quicker.")
    again = _("A page does not wait longer than that, though a pull does. Try again when the source is less busy.")
    return f"{again} {advice.get(DataSource.Kind(source.kind), smaller)}"


def _parts(kpi: Kpi, found: Drilled) -> list[tuple[str, str, int, bool]]:
    labels = {
        "value": _("rows"),
        "numerator": kpi.numerator_label or _("numerator"),
        "denominator": kpi.denominator_label or _("denominator"),
    }
    return [(name, labels[name], count, name == found.part) for name, count in found.counts.items()]


def _recorded(asked: Asked, user: User) -> dict[str, str]:
    """Return the value that is recorded, when it was, and its grade; nothing where there is none."""
    if asked.present is None:
        return {}
    return {
        "value": _figure(asked.kpi, asked.present.value, user),
        "at": moment(asked.present.recorded_at, timezone.get_current_timezone()),
        "grade": _grade(asked, asked.present),
    }


def _grade(asked: Asked, present: Measurement) -> str:
    if present.value is None:
        return ""
    return grades_of({asked.kpi.pk: asked.period.start}, today=asked.today).get(asked.kpi.pk, "")


def _compared(asked: Asked, found: Drilled, user: User) -> str:
    if found.refused:
        return _("The source now gives a value that cannot be: %(why)s") % {
            "why": in_words(found.refused, locale=user.locale)
        }
    if found.reading is None:
        return _("The source now gives no value for this period.")
    value = _figure(asked.kpi, found.reading.value, user)
    if not _is_other(asked, found):
        return _("The source gives the same value now, from the rows below.")
    return _("The source now gives %(value)s, from the rows below: another value than the one recorded.") % {
        "value": value
    }


def _is_other(asked: Asked, found: Drilled) -> bool:
    recorded = asked.present.value if asked.present else None
    return (found.reading.value if found.reading else None) != recorded


def _figure(kpi: Kpi, value: Decimal | None, user: User) -> str:
    return with_unit(number(value, kpi.decimals, locale=user.locale), kpi.measure_unit)
