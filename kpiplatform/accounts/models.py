"""The people of the installation."""

from __future__ import annotations

import zoneinfo
from datetime import date
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


def known_time_zone(name: str) -> None:
    """Refuse a name that the time zone database does not know."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not a time zone.")


class UserManager(BaseUserManager["User"]):
    """Creates people who sign in by email address."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Return a new person; without password only a reset link lets them in."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Return a new person with every right."""
        return self.create_user(email, password, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in by email address."""

    class Theme(models.TextChoices):
        SYSTEM = "", _("as the system")
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    email = models.EmailField("email address", unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField("may sign in", default=True)
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.SYSTEM, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    locale = models.CharField(max_length=10, default="en")
    date_joined = models.DateTimeField(auto_now_add=True)

    # Roles as read for this request: (role, unit path, valid until). Filled by the reader, never stored.
    roles_read: list[tuple[str, str, date | None]]

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_person_per_email"),
            models.CheckConstraint(condition=models.Q(theme__in=["", "light", "dark"]), name="user_theme_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        """First letters of the first and the last name."""
        words = self.name.split() or ["?"]
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


class Invitation(models.Model):
    """A mail that is owed to a person: the link by which they choose their password. The row is the queue."""

    class State(models.TextChoices):
        OWED = "owed", _("on its way")
        SENT = "sent", _("sent")
        FAILED = "failed", _("could not be sent")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations")
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=6, choices=State, default=State.OWED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    reply = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["owed", "sent", "failed"]), name="invitation_state_known"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(state="owed"), name="one_owed_invitation_per_person"
            ),
        ]
