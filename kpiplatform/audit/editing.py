"""Two people, one form: what a person saw must still stand when they send it, or nothing is overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.audit.models import AuditEntry

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class ChangedMeanwhile(Exception):
    """Somebody else changed the row since it was shown. Nothing was written."""

    def __init__(self, row: Model, only: Sequence[str] = ()) -> None:
        super().__init__(str(row))
        self.row, self.only = row, only

    def sentence(self, now: datetime) -> str:
        """Say who changed it and how long ago, and that sending again replaces theirs."""
        entry = AuditEntry.objects.filter(table=self.row._meta.db_table, row=str(self.row.pk)).order_by("-id").first()
        author = get_user_model().objects.filter(pk=entry.actor).first() if entry and entry.actor else None
        words = {"who": author or _("Somebody else"), "ago": _ago(entry.at, now) if entry else _("meanwhile")}
        return (
            _(
                "Changed by %(who)s %(ago)s. Nothing of theirs was overwritten and yours is still here: "
                "compare, then send again to replace theirs."
            )
            % words
        )


def seen(row: Model, only: Sequence[str] = ()) -> str:
    """Return a token of the row as it is stored: the same token, the same content.

    `only` names the columns that count, for rows that the platform itself keeps changing.
    """
    if row.pk is None:
        return ""
    stored = type(row)._base_manager.filter(pk=row.pk).values_list(*(only or _columns(row))).first()
    return _token(stored)


def seen_as_read(row: Model, only: Sequence[str] = ()) -> str:
    """Return the token that `seen` returns, of a row that was read just now: without reading it again."""
    return _token(tuple(getattr(row, name) for name in only or _columns(row)))


def lock_as_seen[T: Model](rows: QuerySet[T], pk: Any, token: str, only: Sequence[str] = ()) -> T:
    """Return the row, locked until the transaction ends. Raises ChangedMeanwhile if it differs from what was seen."""
    row = rows.select_for_update(of=("self",)).get(pk=pk)
    if seen_as_read(row, only) != token:
        raise ChangedMeanwhile(row, only)
    return row


def seen_field() -> forms.CharField:
    """Return the hidden field that carries the token; a form sets its initial value with `seen(row)`."""
    return forms.CharField(widget=forms.HiddenInput, required=False)


def refuse_as_changed(form: forms.BaseForm, error: ChangedMeanwhile, now: datetime) -> None:
    """Show the form again with all that was typed, the sentence, and the token of what stands now."""
    form.add_error(None, error.sentence(now))
    form.data = form.data.copy()
    form.data[form.add_prefix("seen")] = seen(error.row, error.only)


def _columns(row: Model) -> list[str]:
    return [field.attname for field in row._meta.concrete_fields]


def _token(stored: tuple[Any, ...] | None) -> str:
    return sha256(repr(stored).encode()).hexdigest()[:24] if stored else ""


def _ago(then: datetime, now: datetime) -> str:
    seconds = max(1, int((now - then).total_seconds()))
    if seconds < 60:
        return ngettext("%(n)s second ago", "%(n)s seconds ago", seconds) % {"n": seconds}
    if now - then < HOUR:
        return ngettext("%(n)s minute ago", "%(n)s minutes ago", seconds // 60) % {"n": seconds // 60}
    if now - then < DAY:
        return ngettext("%(n)s hour ago", "%(n)s hours ago", seconds // 3600) % {"n": seconds // 3600}
    return _("on %(day)s") % {"day": date_format(localtime(then), "j M Y")}
