"""Lets the first administrator in."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.timezone import localtime

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import password_link
from kpiplatform.accounts.services.inviting import link_ends_at


class Command(BaseCommand):
    """Makes an administrator and prints the link by which they choose a password."""

    help = "Make somebody an administrator of the installation and print a link to choose a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="address to sign in with")
        parser.add_argument("--name", default="", help="name to show; the address without it")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is no mail address.") from None
        person = User.objects.filter(email=email).first()
        if person is None:
            person = User.objects.create_superuser(email, name=options["name"] or email)
        elif not person.is_superuser or not person.is_active:
            person.is_superuser = person.is_active = True
            person.save(update_fields=["is_superuser", "is_active"])
        self.stdout.write(f"{person.name} is an administrator. This link lets them choose a password; it works once,")
        self.stdout.write(f"until {localtime(link_ends_at(timezone.now())):%-d %b %Y, %H:%M %Z}:")
        self.stdout.write(f"  {password_link(person)}")
