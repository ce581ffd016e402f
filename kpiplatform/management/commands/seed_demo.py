"""Loads the sample organisation."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from kpiplatform.demo.loading import OtherOrganisation, load_sample_organisation
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD, sign_ins


class Command(BaseCommand):
    """Loads the sample organisation into an empty installation; does nothing when it is there."""

    help = "Load the sample organisation: real flights of three airports, invented people. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password", default="", help="password of all sample people")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["password"] or ("" if settings.PRODUCTION else SAMPLE_PASSWORD)
        if not password:
            raise CommandError("In production the sample people get no known password: give one with --password.")
        began = time.monotonic()
        try:
            loaded = load_sample_organisation(now=timezone.now(), password=password)
        except OtherOrganisation as other:
            raise CommandError(
                f"This installation serves {other}: the sample is only loaded into an empty one. Nothing was changed."
            ) from None
        done = f"is loaded ({time.monotonic() - began:.0f} s)" if loaded else "is there, nothing was changed"
        known = f" with the password {SAMPLE_PASSWORD}" if password == SAMPLE_PASSWORD else ""
        self.stdout.write(f"The sample organisation {done}. Sign in{known} as")
        for role, email in sign_ins():
            self.stdout.write(f"  {role:<10} {email}")
