"""Encrypts the credentials of sources with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kpis.services.credentials import rotate_credentials


class Command(BaseCommand):
    """Puts the first of KPI_CREDENTIAL_KEYS into use; the others can be taken away afterwards."""

    help = "Encrypt every credential of a source anew with the first of KPI_CREDENTIAL_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, unreadable = rotate_credentials()
        self.stdout.write(f"{rotated} credentials are encrypted with the first key.")
        if unreadable:
            named = ", ".join(f"{row.name} of {row.source}" for row in unreadable)
            raise CommandError(f"No key reads these, so they have to be entered again: {named}.")
