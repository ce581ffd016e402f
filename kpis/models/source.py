"""Where values come from, and each attempt to fetch them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from kpis.domain.schedule import HOURS_APART, Schedule
from kpis.models.definition import Kpi
from kpis.models.sentence import SentenceField
from kpis.models.target import value_field


def working_week() -> list[int]:
    """Monday to Friday."""
    return [1, 2, 3, 4, 5]


class DataSource(models.Model):
    """A place that rows are pulled from on a schedule; one source feeds many KPIs.

    A snapshot has no days of its own: whatever it says is of the day it is asked, and belongs to the
    periods of that day. What it said on a day when nobody asked is never known.
    """

    class Kind(models.TextChoices):
        CSV_FILE = "csv_file", _("CSV file")
        XLSX_FILE = "xlsx_file", _("Excel workbook")
        SQL_QUERY = "sql_query", _("SQL query")
        HTTP_JSON = "http_json", _("JSON over HTTP")

    class Repeats(models.TextChoices):
        DAILY = "daily", _("every day")
        HOURLY = "hourly", _("every few hours")
        WEEKDAYS = "weekdays", _("on some weekdays")
        MONTHLY = "monthly", _("once a month")

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind)
    config = models.JSONField(default=dict, help_text="the settings of its kind, see kpis/sources; no secrets")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sources")
    repeats = models.CharField(max_length=8, choices=Repeats, default=Repeats.DAILY)
    pull_at = models.TimeField(help_text="time of day in the organisation's time zone")
    hours_apart = models.PositiveSmallIntegerField(default=12)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=working_week)
    day_of_month = models.PositiveSmallIntegerField(default=1)
    is_snapshot = models.BooleanField(default=False)
    look_back_days = models.PositiveSmallIntegerField(default=14)
    may_be_empty = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)
    # how it stands
    cursor = models.DateField(null=True, help_text="rows before this day were pulled")
    usual_rows = models.PositiveIntegerField(default=0, help_text="rows per day, over the last applied pulls")
    consecutive_failures = models.PositiveIntegerField(default=0)
    last_applied_at = models.DateTimeField(null=True)
    last_error = SentenceField(null=True)
    behind_from = models.DateTimeField(null=True, help_text="from then on it breaks what was agreed, unless pulled")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["csv_file", "xlsx_file", "sql_query", "http_json"]),
                name="source_kind_known",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    repeats__in=["daily", "hourly", "weekdays", "monthly"],
                    hours_apart__in=HOURS_APART,
                    day_of_month__range=(1, 31),
                    weekdays__len__gte=1,
                    weekdays__contained_by=[1, 2, 3, 4, 5, 6, 7],
                ),
                name="source_schedule_possible",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def schedule(self) -> Schedule:
        """When it is pulled."""
        return Schedule(
            repeats=self.repeats,
            at=self.pull_at,
            hours_apart=self.hours_apart,
            weekdays=frozenset(self.weekdays),
            day_of_month=self.day_of_month,
        )


class SourceMapping(models.Model):
    """How rows of a source become values of a KPI: filters, and a value or numerator and denominator."""

    source = models.ForeignKey(DataSource, on_delete=models.CASCADE, related_name="mappings")
    kpi = models.OneToOneField(Kpi, on_delete=models.CASCADE, related_name="mapping")
    spec = models.JSONField()
    since = models.DateField(null=True, help_text="periods that start before keep the values they have")


class Pull(models.Model):
    """One attempt to fetch a source for a slot; the row is claimed by one worker at a time."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        APPLIED = "applied", _("applied")
        FAILED = "failed", _("failed")
        SUSPECT = "suspect", _("held: looks wrong")

    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="pulls")
    slot = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    since = models.DateField(null=True, help_text="asked for; once it ended the first day it read")
    until = models.DateField(null=True)
    begins_on = models.DateField(
        null=True, help_text="the first day that it has rows of, where a period begins earlier"
    )
    ends_on = models.DateField(null=True, help_text="the last day that it has rows of, where a period goes on")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    asked_because = models.CharField(max_length=300, blank=True, default="")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", help_text="when it was held"
    )
    decided_because = models.CharField(max_length=400, blank=True, default="")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rows_read = models.PositiveIntegerField(default=0)
    rows_kept = models.PositiveIntegerField(default=0)
    rows_refused = models.PositiveIntegerField(default=0)
    values_new = models.PositiveIntegerField(default=0)
    values_revised = models.PositiveIntegerField(default=0)
    values_unchanged = models.PositiveIntegerField(default=0)
    rules_checked = models.PositiveSmallIntegerField(default=0)
    rules_broken = models.PositiveSmallIntegerField(default=0)
    reconciled = models.BooleanField(null=True, help_text="whether its control totals agreed; empty without one")
    error = SentenceField(null=True)
    unfed = models.JSONField(default=dict, help_text="column → texts of its rows that no KPI is about, the first ones")

    class Meta:
        ordering = ["-slot"]
        indexes = [
            models.Index(
                fields=["state", "next_attempt_at"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="pull_owed",
            ),
            models.Index(fields=["source"], condition=models.Q(state="suspect"), name="pull_held"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "slot"], name="one_pull_per_slot"),
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "running", "applied", "failed", "suspect"]),
                name="pull_state_known",
            ),
        ]


class PullRefusal(models.Model):
    """A line of a source that was not taken, and why."""

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="refusals")
    line = models.PositiveIntegerField()
    why = SentenceField()


class StagedReading(models.Model):
    """A value of a pull that is held for a decision."""

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="staged")
    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="+")
    period_start = models.DateField()
    period_end = models.DateField()
    value = value_field()
    numerator = value_field()
    denominator = value_field()
    state = models.CharField(max_length=14)
    reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pull", "kpi", "period_start"], name="staged_once")]
