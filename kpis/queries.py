"""Reading KPIs, each person within their own view."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, cast

from django.contrib.auth.models import AnonymousUser
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from kpiplatform.accounts.models import User
from kpis.domain.judged import Rules, Valued
from kpis.domain.limits import Mode, TargetRow, ThresholdRow
from kpis.domain.periods import Calendar, year_of_period
from kpis.models import (
    DataSource,
    EntryRules,
    Kpi,
    KpiStep,
    KpiVersion,
    Measurement,
    PeriodCalendar,
    ProposedValue,
    Pull,
    SourceAgreement,
    SourceMapping,
    StagedReading,
    Target,
    ThresholdSet,
    UnitCalendar,
)
from objectives.models import Unit
from objectives.queries import manages, may_configure, may_write, scope_of, working_scope_of


def kpis_visible_to(user: User | AnonymousUser, *, today: date, known_at: datetime | None = None) -> QuerySet[Kpi]:
    """Return the KPIs that `user` may open.

    Admins open all; executives the strategic ones everywhere; managers, team members and auditors those of their
    units and below; everyone those they own, deputise or steward. Anyone else's KPI does not exist for them, nor does
    a retired one; as known at a moment those are there that were retired later.
    """
    kpis = Kpi.objects.exclude(status=Kpi.Status.RETIRED)
    if known_at is not None:
        later = KpiStep.objects.filter(kpi=OuterRef("pk"), became=Kpi.Status.RETIRED, recorded_at__gte=known_at)
        kpis = Kpi.objects.filter(~Q(status=Kpi.Status.RETIRED) | Q(Exists(later)))
    scope = scope_of(user, today=today)
    if scope.everything:
        return kpis
    condition = Q(owner_id=user.pk) | Q(deputy_id=user.pk) | Q(steward_id=user.pk) | scope.of_units("unit_id")
    if scope.strategic:
        condition |= Q(tier=Kpi.Tier.STRATEGIC)
    return kpis.filter(condition) if user.is_active and user.pk else kpis.none()


def active_then(kpis: QuerySet[Kpi], known_at: datetime | None) -> QuerySet[Kpi]:
    """Return those of the KPIs that were active by what was known at a moment, None for now.

    Those made later were no gap then, and those retired later were there.
    """
    if known_at is None:
        return kpis.filter(status=Kpi.Status.ACTIVE)
    steps = KpiStep.objects.filter(kpi=OuterRef("pk"))
    last = steps.filter(recorded_at__lt=known_at).order_by("-recorded_at", "-pk").values("became")[:1]
    following = steps.filter(recorded_at__gte=known_at).order_by("recorded_at", "pk").values("was")[:1]
    then = Coalesce(Subquery(last), Subquery(following), F("status"))
    return kpis.alias(status_then=then).filter(created_at__lt=known_at, status_then=Kpi.Status.ACTIVE)


def of_objectives(kpis: QuerySet[Kpi], objective_ids: Collection[int], known_at: datetime | None) -> QuerySet[Kpi]:
    """Return those of the KPIs that belong to the objectives, or did by what was known at a moment, None for now."""
    if known_at is None:
        return kpis.filter(objective_id__in=objective_ids)
    said = Cast(KeyTextTransform("objective_id", "definition"), BigIntegerField())
    versions = KpiVersion.objects.filter(kpi=OuterRef("pk"), recorded_at__lt=known_at).order_by("-version")
    was = Subquery(versions.annotate(said=said).values("said")[:1])
    then = Coalesce(was, F("objective_id"), output_field=BigIntegerField())
    return kpis.annotate(objective_then=then).filter(objective_then__in=objective_ids)


def objective_of(kpi: Kpi) -> int:
    """Return the objective of a KPI: of those that `of_objectives` found, the one of then."""
    return getattr(kpi, "objective_then", kpi.objective_id)


def there_at(kpis: QuerySet[Kpi], known_at: datetime | None) -> QuerySet[Kpi]:
    """Return the KPIs that pages are made of by what was known at a moment, None for now: the active ones.

    Before the first of them was active it is those of now, without values: so a page can say when knowledge begins.
    """
    found = active_then(kpis, known_at)
    return found if known_at is None or found.exists() else kpis.filter(status=Kpi.Status.ACTIVE)


def kpis_editable_by(user: User, *, today: date) -> QuerySet[Kpi]:
    """Return the KPIs whose values `user` may enter and correct: own, deputised or stewarded ones, all for admins."""
    kpis = Kpi.objects.filter(status=Kpi.Status.ACTIVE)
    if not user.is_active or not may_write(user, today=today):
        return kpis.none()
    if scope_of(user, today=today).everything:
        return kpis
    return kpis.filter(Q(owner=user) | Q(deputy=user) | Q(steward=user))


def enters_values_of(user: User, kpi: Kpi, *, today: date) -> bool:
    """Return whether values that `user` enters are those of somebody who answers for the KPI: others propose them."""
    answers = user.pk in {kpi.owner_id, kpi.deputy_id, kpi.steward_id}
    return answers or scope_of(user, today=today).everything


def edits_values_of(user: User, kpi: Kpi, *, today: date) -> bool:
    """Return whether `user` may enter and correct values of the KPI: `kpis_editable_by` for one, without a query."""
    if kpi.status != Kpi.Status.ACTIVE or not user.is_active or not may_write(user, today=today):
        return False
    return enters_values_of(user, kpi, today=today)


def proposes_values_of(user: User, kpi: Kpi, *, today: date) -> bool:
    """Return whether `user` may enter values of the KPI that its owner approves: members of its unit, if it is typed.

    The KPI comes with its unit.
    """
    if kpi.status != Kpi.Status.ACTIVE or kpi.entry != Kpi.Entry.MANUAL or enters_values_of(user, kpi, today=today):
        return False
    return working_scope_of(user, today=today).holds(kpi.unit.path)


def kpis_configured_by(user: User | AnonymousUser, *, today: date) -> QuerySet[Kpi]:
    """Return the KPIs that `user` sets up, in every state of their life: all for admins, none for others."""
    kpis = Kpi.objects.all()
    return kpis if may_configure(user, today=today) else kpis.none()


def sources_visible_to(user: User | AnonymousUser, *, today: date) -> QuerySet[DataSource]:
    """Return the sources whose pages `user` may open: all for admins, for others those they own."""
    sources = DataSource.objects.all()
    if may_configure(user, today=today):
        return sources
    return sources.filter(owner_id=user.pk) if user.is_active and user.pk else sources.none()


def sources_managed_by(user: User, *, today: date) -> QuerySet[DataSource]:
    """Return the sources that `user` may pull, schedule, give rules and decide about: not for those who only read."""
    sources = sources_visible_to(user, today=today)
    return sources if may_write(user, today=today) else sources.none()


def held_pulls_of(user: User) -> QuerySet[Pull]:
    """Return the pulls that wait for a decision of `user`: those of the sources they own."""
    return Pull.objects.filter(source__owner=user, state=Pull.State.SUSPECT).select_related("source").order_by("slot")


def pulls_of(source: DataSource) -> QuerySet[Pull]:
    """Return the pulls of a source, the one that began last first: a slot may be caught up with long after its time."""
    begun = Coalesce("started_at", "slot")
    return source.pulls.select_related("asked_by", "decided_by").annotate(begun=begun).order_by("-begun", "-pk")


def staged_of(pull: Pull) -> QuerySet[StagedReading]:
    """Return what a held pull would bring: values of KPIs that its source still feeds."""
    fed = SourceMapping.objects.filter(source=pull.source_id, kpi__status=Kpi.Status.ACTIVE)
    return pull.staged.filter(kpi__in=fed.values("kpi"))


def is_behind(source: DataSource, now: datetime) -> bool:
    """Return whether values that were agreed for by now are not there."""
    return source.is_enabled and source.behind_from is not None and source.behind_from <= now


def may_read_rows(user: User, kpi: Kpi, *, today: date) -> bool:
    """Return whether `user`, who sees the KPI, may read the source rows behind it; it comes with source and unit."""
    mapping = getattr(kpi, "mapping", None)
    if mapping is None:
        return False
    source = mapping.source
    if may_configure(user, today=today) or source.owner_id == user.pk:
        return True
    readers = getattr(source, "agreement", None) or SourceAgreement()
    if readers.rows_visible_to == SourceAgreement.Readers.OWNERS:
        return user.pk in {kpi.owner_id, kpi.deputy_id, kpi.steward_id} or manages(user, kpi.unit, today=today)
    return readers.rows_visible_to == SourceAgreement.Readers.READERS


def entry_rules() -> EntryRules:
    """Return how the organisation takes values by hand; an unsaved row with the defaults before it said so."""
    return EntryRules.objects.first() or EntryRules(pk=1)


def proposed_values_decided_by(user: User, *, today: date) -> QuerySet[ProposedValue]:
    """Return the values that wait for the approval of `user`.

    The owner decides on what others entered, deputy and steward on what the owner did, admins on all; nobody on what
    they entered themselves.
    """
    waiting = ProposedValue.objects.filter(outcome=ProposedValue.Outcome.WAITING, kpi__status=Kpi.Status.ACTIVE)
    waiting = waiting.exclude(entered_by_id=user.pk)
    if not user.is_active or not may_write(user, today=today):
        return waiting.none()
    if scope_of(user, today=today).everything:
        return waiting
    stands_in = Q(kpi__deputy=user) | Q(kpi__steward=user)
    return waiting.filter(Q(kpi__owner=user) | Q(entered_by=F("kpi__owner")) & stands_in)


def values_of(kpi: Kpi) -> list[Valued]:
    """Return every value of a KPI, oldest first, as the judgement takes them."""
    rows = Measurement.objects.filter(kpi=kpi).order_by("period_start")
    return [Valued(*row) for row in rows.values_list("period_start", "period_end", "value", "state", "reason")]


def rules_of(kpis: Sequence[Kpi]) -> dict[int, Rules]:
    """Return the targets and thresholds of each KPI by its id, in two queries."""
    targets: dict[int, list[TargetRow]] = defaultdict(list)
    thresholds: dict[int, list[ThresholdRow]] = defaultdict(list)
    ids = [kpi.pk for kpi in kpis]
    for target in Target.objects.filter(kpi_id__in=ids):
        targets[target.kpi_id].append(
            TargetRow(
                effective_from=target.effective_from,
                recorded_at=target.recorded_at,
                value=target.value,
                low=target.low,
                high=target.high,
            )
        )
    for row in ThresholdSet.objects.filter(kpi_id__in=ids):
        thresholds[row.kpi_id].append(
            ThresholdRow(
                effective_from=row.effective_from,
                recorded_at=row.recorded_at,
                mode=cast("Mode", row.mode),
                goal=row.goal,
                red_flag=row.red_flag,
                goal_low=row.goal_low,
                goal_high=row.goal_high,
                red_low=row.red_low,
                red_high=row.red_high,
                scores={Decimal(option): Decimal(str(score)) for option, score in row.scores.items()} or None,
            )
        )
    return {
        kpi.pk: Rules(polarity=kpi.polarity, targets=targets[kpi.pk], thresholds=thresholds[kpi.pk]) for kpi in kpis
    }


def targets_that_hold(day: date) -> QuerySet[Target]:
    """Return the rows by which something is wanted on a day or later: of a target that has ended there is none."""
    same_day = Q(effective_from=OuterRef("effective_from"), recorded_at__gt=OuterRef("recorded_at"))
    later = Target.objects.filter(kpi=OuterRef("kpi"), effective_from__lte=day)
    later = later.filter(Q(effective_from__gt=OuterRef("effective_from")) | same_day)
    return Target.objects.exclude(value=None, low=None).filter(Q(effective_from__gt=day) | ~Exists(later))


def breaks_of(kpi_ids: Sequence[int], known_at: datetime | None = None) -> dict[int, list[date]]:
    """Return the days on which the definition of a KPI changed so that values before and after do not compare."""
    versions = KpiVersion.objects.filter(kpi_id__in=kpi_ids, breaks_series=True)
    if known_at is not None:
        versions = versions.filter(recorded_at__lt=known_at)
    found: dict[int, list[date]] = defaultdict(list)
    for kpi_id, day in versions.values_list("kpi_id", "effective_from"):
        found[kpi_id].append(day)
    return found


def fiscal_years_of(kpi: Kpi, values: Sequence[Valued], calendars: Mapping[int, Calendar]) -> list[date] | None:
    """Return the first day of the fiscal year in which each period of a cumulative KPI counts, None for other KPIs."""
    if not kpi.is_cumulative:
        return None
    calendar = calendars[kpi.calendar_id]
    return [year_of_period(row.period_end, calendar) for row in values]


def calendars() -> dict[int, Calendar]:
    """Return the period calendars by id."""
    return {row.pk: calendar_of(row) for row in PeriodCalendar.objects.all()}


def calendars_of_units(units: Iterable[Unit]) -> dict[int, PeriodCalendar]:
    """Return the calendar that each unit follows: its own, that of the nearest unit above, else the default.

    Two queries; nothing for any unit where there is no calendar yet.
    """
    own = {row.unit.path: row.calendar for row in UnitCalendar.objects.select_related("unit", "calendar")}
    default = PeriodCalendar.objects.order_by("-is_default", "pk").first()
    if default is None:
        return {}
    return {
        unit.pk: own[max(above, key=len)]
        if (above := [path for path in own if unit.path.startswith(path)])
        else default
        for unit in units
    }


def calendar_of(row: PeriodCalendar) -> Calendar:
    """Return the calendar as the domain functions take it."""
    return Calendar(
        fiscal_year_start_month=row.fiscal_year_start_month,
        label_rule=cast(Literal["start", "end"], row.label_rule),
        week_start=row.week_start,
        pattern=cast(Literal["calendar", "445", "454", "544"], row.pattern),
        year_end_rule=cast(Literal["last", "nearest"], row.year_end_rule),
        year_end_weekday=row.year_end_weekday,
        year_end_month=row.year_end_month,
    )
