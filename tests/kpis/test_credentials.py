"""Credentials of sources: encrypted in the database, and nowhere else at all."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from kpiplatform.audit.models import AuditEntry
from kpis.checks import credentials_can_be_read
from kpis.models import SourceCredential
from kpis.services.credentials import drop_credential, refuse_without_keys, secrets_of, set_credential
from kpis.sources.base import SourceError
from tests.factories import a_person
from tests.kpis.pulls import NOW, a_source

pytestmark = pytest.mark.django_db
SECRET = "correct horse battery staple"
OLD, NEW = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2))


def test_a_secret_comes_back_for_a_pull_and_is_replaced_and_forgotten() -> None:
    source = a_source()
    set_credential(source=source, name="password", secret="first", by=source.owner, now=NOW)
    set_credential(source=source, name="password", secret=SECRET, by=source.owner, now=NOW)
    assert secrets_of(source) == {"password": SECRET}
    drop_credential(source=source, name="password")
    assert secrets_of(source) == {}


def test_no_table_holds_a_secret_and_the_trail_not_even_its_ciphertext() -> None:
    source = a_source()
    set_credential(source=source, name="password", secret=SECRET, by=source.owner, now=NOW)
    ciphertext = SourceCredential.objects.get().ciphertext
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')
            content = cursor.fetchone()[0] or ""
            assert SECRET not in content, table
            assert ciphertext not in content or table == "kpis_sourcecredential", table
    entry = AuditEntry.objects.get(table="kpis_sourcecredential")
    assert (entry.action, entry.after["name"], entry.after["changed_by_id"]) == ("INSERT", "password", source.owner_id)


def test_what_is_not_encrypted_cannot_be_stored() -> None:
    with pytest.raises(IntegrityError, match="credential_encrypted"), transaction.atomic():
        SourceCredential.objects.create(source=a_source(), name="password", ciphertext=SECRET, changed_at=NOW)


def test_keys_rotate_without_anybody_entering_a_secret_again(settings: Any) -> None:
    source, person = a_source(), a_person()
    settings.KPI_CREDENTIAL_KEYS = [OLD]
    set_credential(source=source, name="token", secret=SECRET, by=person, now=NOW)
    settings.KPI_CREDENTIAL_KEYS = [NEW, OLD]
    trail = AuditEntry.objects.count()
    call_command("rotate_credentials")
    settings.KPI_CREDENTIAL_KEYS = [NEW]
    assert secrets_of(source) == {"token": SECRET}
    assert AuditEntry.objects.count() == trail


def test_a_secret_that_no_key_reads_is_named_and_the_pull_says_so(settings: Any) -> None:
    source = a_source(name="Sales")
    settings.KPI_CREDENTIAL_KEYS = [OLD]
    set_credential(source=source, name="token", secret=SECRET, by=None, now=NOW)
    settings.KPI_CREDENTIAL_KEYS = [NEW]
    with pytest.raises(CommandError, match="token of Sales"):
        call_command("rotate_credentials")
    with pytest.raises(SourceError, match="stored token cannot be read with the present keys"):
        secrets_of(source)


def test_an_installation_whose_keys_are_gone_does_not_start(settings: Any) -> None:
    source = a_source()
    set_credential(source=source, name="token", secret=SECRET, by=None, now=NOW)
    refuse_without_keys()
    settings.KPI_CREDENTIAL_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="set the keys they were stored with"):
        refuse_without_keys()
    assert [error.id for error in credentials_can_be_read(databases=["default"])] == ["kpis.E001"]
    with pytest.raises(ImproperlyConfigured, match="can be neither stored nor read"):
        set_credential(source=source, name="token", secret=SECRET, by=None, now=NOW)
    SourceCredential.objects.all().delete()
    refuse_without_keys()
