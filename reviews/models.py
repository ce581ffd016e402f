"""Who meets when, what was on the table, and what came of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from initiatives.models import Initiative
from kpis.models import Kpi
from objectives.models import Objective, Unit


class Forum(models.Model):
    """A standing group with a cadence."""

    class Rule(models.TextChoices):
        DAILY = "daily", _("daily")
        WEEKLY = "weekly", _("weekly")
        MONTHLY = "monthly", _("monthly")
        QUARTERLY = "quarterly", _("quarterly")

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="forums")
    tier = models.CharField(max_length=12, choices=Kpi.Tier)
    chair = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="forums_chaired")
    participants = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="forums")
    rule = models.CharField(max_length=10, choices=Rule)
    interval = models.PositiveSmallIntegerField(default=1)
    weekday = models.PositiveSmallIntegerField(null=True, blank=True)
    day_of_month = models.PositiveSmallIntegerField(null=True, blank=True)
    nth_week = models.SmallIntegerField(null=True, blank=True, help_text="1 to 4, or -1 for the last")
    month_of_quarter = models.PositiveSmallIntegerField(null=True, blank=True)
    working_days_only = models.BooleanField(default=False)
    anchor = models.DateField()
    starts_at = models.TimeField()
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rule__in=["daily", "weekly", "monthly", "quarterly"]), name="forum_rule_known"
            ),
            models.CheckConstraint(condition=models.Q(interval__range=(1, 12)), name="forum_interval_1_to_12"),
            models.CheckConstraint(
                condition=models.Q(weekday__isnull=True) | models.Q(weekday__lte=6), name="forum_weekday_0_to_6"
            ),
            models.CheckConstraint(
                condition=models.Q(nth_week__isnull=True) | models.Q(nth_week__in=[-1, 1, 2, 3, 4]),
                name="forum_nth_week_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class KpiCadence(models.Model):
    """The forum that was chosen to review a KPI; without a row it is reviewed where unit and tier cover it."""

    kpi = models.OneToOneField(Kpi, on_delete=models.PROTECT, primary_key=True, related_name="cadence")
    forum = models.ForeignKey(Forum, on_delete=models.PROTECT, related_name="cadences")


class Review(models.Model):
    """One dated meeting of a forum."""

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    forum = models.ForeignKey(Forum, on_delete=models.PROTECT, related_name="reviews")
    held_on = models.DateField()
    state = models.CharField(max_length=8, choices=State, default=State.PLANNED)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    minutes = models.TextField(blank=True)

    class Meta:
        ordering = ["-held_on"]
        constraints = [
            models.UniqueConstraint(fields=["forum", "held_on"], name="one_review_per_day"),
            models.CheckConstraint(
                condition=models.Q(state="planned", opened_at__isnull=True, closed_at__isnull=True)
                | models.Q(state="open", opened_at__isnull=False, closed_at__isnull=True)
                | models.Q(state="closed", opened_at__isnull=False, closed_at__isnull=False),
                name="review_state_has_its_times",
            ),
        ]


class Pack(models.Model):
    """What was on the table when a review opened; frozen, with its SHA-256. Rows are never changed."""

    review = models.OneToOneField(Review, on_delete=models.PROTECT, primary_key=True, related_name="pack")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name="pack_hashed")]


class Minutes(models.Model):
    """What a review came to, as it stood when it was closed. Rows are never changed."""

    review = models.OneToOneField(Review, on_delete=models.PROTECT, primary_key=True, related_name="record")
    content = models.JSONField()
    recorded_at = models.DateTimeField()


class CalendarFeed(models.Model):
    """The secret in the address of a person's calendar; a new secret makes the old address worthless."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="calendar_feed"
    )
    secret = models.CharField(max_length=64)
    renewed_at = models.DateTimeField()


class Decision(models.Model):
    """A question put to a forum, and what was decided."""

    class State(models.TextChoices):
        DUE = "due", _("due")
        TAKEN = "taken", _("taken")
        DROPPED = "dropped", _("dropped")

    forum = models.ForeignKey(Forum, on_delete=models.PROTECT, related_name="decisions")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    due_on = models.DateField()
    taken_on = models.DateField(null=True, blank=True)
    outcome = models.TextField(blank=True)
    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    objective = models.ForeignKey(Objective, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    initiative = models.ForeignKey(
        Initiative, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )

    class Meta:
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["due", "taken", "dropped"]), name="decision_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="taken") | models.Q(taken_on__isnull=False) & ~models.Q(outcome=""),
                name="taken_decision_has_outcome",
            ),
        ]


class Action(models.Model):
    """A follow-up with an owner and a date, carried over until it is done."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="actions")
    text = models.CharField(max_length=300)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="actions")
    due_on = models.DateField()
    done_on = models.DateField(null=True, blank=True)
    kpi = models.ForeignKey(Kpi, on_delete=models.PROTECT, null=True, blank=True, related_name="actions")
    initiative = models.ForeignKey(Initiative, on_delete=models.PROTECT, null=True, blank=True, related_name="actions")

    class Meta:
        ordering = ["due_on", "id"]
