"""The organisation, its units, and who has which role where."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpiplatform.accounts.models import known_time_zone


class Organisation(models.Model):
    """The one organisation that this installation serves."""

    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_organisation")]

    def __str__(self) -> str:
        return self.name


class Unit(models.Model):
    """A node of the organisation tree; `path` holds the codes from the root, so that a prefix is a subtree."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    path = models.CharField(max_length=800, unique=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["path"]
        indexes = [models.Index(fields=["path"], name="unit_by_prefix", opclasses=["varchar_pattern_ops"])]
        constraints = [
            models.CheckConstraint(condition=~models.Q(parent=models.F("id")), name="unit_not_its_own_parent"),
            models.CheckConstraint(
                condition=models.Q(path__startswith="/") & models.Q(path__endswith="/"), name="unit_path_form"
            ),
            models.UniqueConstraint(
                models.F("parent"), condition=models.Q(parent=None), nulls_distinct=False, name="one_root_unit"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a person is in a unit and below."""

    EXECUTIVE = "executive", _("Executive")
    MANAGER = "manager", _("Manager")
    OWNER = "owner", _("KPI owner")
    MEMBER = "member", _("Team member")
    ADMIN = "admin", _("Admin")
    AUDITOR = "auditor", _("Auditor")


class RoleAssignment(models.Model):
    """A person's role in a unit; an auditor's ends on a date."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="roles")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=10, choices=Role)
    valid_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "unit", "role"], name="one_assignment_per_role"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_known"),
            models.CheckConstraint(
                condition=~models.Q(role=Role.AUDITOR) | models.Q(valid_until__isnull=False),
                name="auditor_until_a_date",
            ),
        ]
