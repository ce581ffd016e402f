"""Secrets of sources: encrypted before they reach the database, read by nothing but a pull."""

from __future__ import annotations

from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction

from kpiplatform.accounts.models import User
from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.models import DataSource, SourceCredential
from kpis.sources.base import SourceError

NO_KEYS = "KPI_CREDENTIAL_KEYS is not set, so credentials of sources can be neither stored nor read."
UNREADABLE = _("The stored %(name)s cannot be read with the present keys of the installation: enter it again.")


def set_credential(*, source: DataSource, name: str, secret: str, by: User | None, now: datetime) -> None:
    """Store a secret of the source under the name of its setting, in place of the one before."""
    with transaction.atomic():
        SourceCredential.objects.update_or_create(
            source=source,
            name=name,
            defaults={
                "ciphertext": _keys().encrypt(secret.encode()).decode(),
                "changed_at": now,
                "changed_by": by,
            },
        )


def drop_credential(*, source: DataSource, name: str) -> None:
    """Forget a secret of the source."""
    SourceCredential.objects.filter(source=source, name=name).delete()


def secrets_of(source: DataSource) -> dict[str, str]:
    """Return the secrets of a source by the names of their settings, for the process that reads it."""
    found: dict[str, str] = {}
    for row in source.credentials.all():
        try:
            found[row.name] = _keys().decrypt(row.ciphertext).decode()
        except InvalidToken:
            raise SourceError(Sentence(UNREADABLE, {"name": row.name})) from None
    return found


def rotate_credentials() -> tuple[int, list[SourceCredential]]:
    """Encrypt every secret anew with the first key; return how many, and those that no key can read."""
    keys, unreadable = _keys(), []
    with transaction.atomic():
        rows = list(SourceCredential.objects.select_for_update(of=("self",)).select_related("source").order_by("id"))
        for row in rows:
            try:
                row.ciphertext = keys.rotate(row.ciphertext.encode()).decode()
            except InvalidToken:
                unreadable.append(row)
            else:
                row.save(update_fields=["ciphertext"])
    return len(rows) - len(unreadable), unreadable


def refuse_without_keys() -> None:
    """Raise ImproperlyConfigured if credentials are stored that nothing can decrypt. Asked when a process starts."""
    if settings.KPI_CREDENTIAL_KEYS:
        return
    try:
        stored = SourceCredential.objects.exists()
    except DatabaseError:
        return  # no tables yet, or no server: then nothing is pulled either
    if stored:
        raise ImproperlyConfigured(f"{NO_KEYS} Some are stored: set the keys they were stored with.")


def _keys() -> MultiFernet:
    if not settings.KPI_CREDENTIAL_KEYS:
        raise ImproperlyConfigured(NO_KEYS)
    return MultiFernet([Fernet(key) for key in settings.KPI_CREDENTIAL_KEYS])
