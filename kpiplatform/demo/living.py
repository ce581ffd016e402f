"""How the values of the sample come in: typed by its people, and pulled by the platform's own services."""

from datetime import datetime
from decimal import Decimal
from itertools import groupby

from alerts.models import Incident
from alerts.services.incidents import acknowledge
from kpiplatform.accounts.models import User
from kpiplatform.demo.moments import Moments
from kpiplatform.demo.scene import Scene
from kpiplatform.demo.sheets import Sheet, kpi_sheets, read
from kpis.domain.periods import Period, period_of, previous_period
from kpis.domain.schedule import latest_slot
from kpis.models import DataSource, Kpi, PeriodCalendar, PeriodLock, Pull
from kpis.queries import calendar_of
from kpis.readings import NOT_APPLICABLE, REPORTED, Origin, Reading
from kpis.services.deriving import derive_owed
from kpis.services.entry import enter_measurement
from kpis.services.judging import judge_owed
from kpis.services.pulling import run_pull
from kpis.services.recording import record_measurements
from reviews.models import Review
from reviews.services.reviewing import freeze_pack, record_minutes

NOT_APPLICABLE_MARK = "n/a"


def owe_pulls(scene: Scene) -> None:
    """Create the pulls of the past days and of today, waiting to be run."""
    moments = scene.moments
    sources = list(DataSource.objects.all())
    days = [moments.day(row["on"]) for row in read("organisation")["pull"]]
    slots = {(source, datetime.combine(day, source.pull_at, tzinfo=moments.zone)) for source in sources for day in days}
    newest = {(source, latest_slot(source.schedule, now=moments.now, zone=moments.zone)) for source in sources}
    Pull.objects.bulk_create(Pull(source=source, slot=slot) for source, slot in slots | newest if slot <= moments.now)


def run_owed_pulls(*, now: datetime) -> None:
    """Run the pulls that nobody has tried yet in the order of time, each at its own moment, the last ones at `now`."""
    owed = Pull.objects.filter(state=Pull.State.WAITING, attempts=0, slot__lte=now).order_by("slot", "source_id")
    pulls = list(owed.values_list("source_id", "slot"))
    last = dict(pulls)
    for _, of_day in groupby(pulls, key=lambda pull: pull[1].date()):
        moment = now
        for source_id, slot in of_day:
            moment = now if slot == last[source_id] else slot
            run_pull(source_id=source_id, slot=slot, now=moment)
        derive_owed(now=moment)
        judge_owed(now=moment)


def add_entries(scene: Scene) -> None:
    """Record what people typed, each value when it was due; those before the first pull in one go."""
    first_pull = scene.moments.moment(read("organisation")["pull"][0]["on"])
    typed = [entry for sheet in kpi_sheets() if "entered" in sheet for entry in _entries(scene, sheet)]
    typed.sort(key=lambda entry: (max(entry[0], first_pull), entry[1].pk))
    for (moment, user), entries in groupby(typed, key=lambda entry: (max(entry[0], first_pull), entry[1])):
        record_measurements(
            readings=[reading for _, _, reading in entries],
            origin=Origin(kind="manual", user_id=user.pk),
            now=min(moment, scene.moments.now),
        )
        derive_owed(now=min(moment, scene.moments.now))
    for sheet in kpi_sheets():
        if "corrected" in sheet:
            _correct(scene, sheet)
        if "waiting" in sheet:
            _propose(scene, sheet)


def close_books(moments: Moments, *, by: User, people: dict[str, User]) -> None:
    """Lock the reviewed periods, and note which alerts their owners have acknowledged."""
    described = read("organisation")
    lock = described["lock"]
    PeriodLock.objects.create(
        calendar=PeriodCalendar.objects.get(is_default=True),
        locked_until=moments.day(lock["until"]),
        reason=lock["reason"],
        locked_by=by,
        locked_at=min(moments.moment(lock["at"]), moments.now),
    )
    for row in described["acknowledged"]:
        for incident in Incident.objects.filter(kpi__code=row["kpi"], closed_at__isnull=True):
            acknowledge(incident_id=incident.pk, user=people[row["by"]], now=moments.moment(row["at"]))


def freeze_held_reviews() -> None:
    """Give the held reviews their packs and minutes, each with what was known when it was opened."""
    held = Review.objects.filter(state=Review.State.CLOSED, pack__isnull=True).order_by("held_on")
    for review in held.select_related("forum__unit", "forum__chair"):
        assert review.opened_at is not None
        assert review.closed_at is not None
        freeze_pack(review=review, at=review.opened_at, knows_health=False)
        record_minutes(review=review, by=review.forum.chair.name, at=review.closed_at)


def _entries(scene: Scene, sheet: Sheet) -> list[tuple[datetime, User, Reading]]:
    """Return when, by whom and what was typed for one KPI; a value that was corrected later as it was first."""
    kpi, entered = scene.kpis[sheet["code"]], sheet["entered"]
    periods = _periods(scene.moments, kpi, newest=entered["newest"], count=len(entered["values"]))
    corrected = sheet.get("corrected")
    found = []
    for age, (period, value) in enumerate(zip(periods, entered["values"], strict=True), start=1 - len(periods)):
        if corrected and age + entered["newest"] == corrected["period"]:
            value = corrected["first"]
        moment = scene.moments.moment(f"{(period.end - scene.moments.today).days + entered['day'] - 1}d")
        applies = value != NOT_APPLICABLE_MARK
        found.append(
            (
                moment,
                scene.people[entered["by"]],
                Reading(
                    kpi_id=kpi.pk,
                    period_start=period.start,
                    period_end=period.end,
                    value=Decimal(value) if applies else None,
                    state=REPORTED if applies else NOT_APPLICABLE,
                    reason="" if applies else entered["not_applicable"],
                ),
            )
        )
    return found


def _correct(scene: Scene, sheet: Sheet) -> None:
    kpi, corrected = scene.kpis[sheet["code"]], sheet["corrected"]
    moment = scene.moments.moment(corrected["at"])
    (period,) = _periods(scene.moments, kpi, newest=corrected["period"], count=1)
    enter_measurement(
        kpi=kpi,
        period=period,
        expected_seq=1,
        user=scene.people[corrected["by"]],
        now=moment,
        value=Decimal(corrected["to"]),
        note=corrected["reason"],
    )
    derive_owed(now=moment)


def _propose(scene: Scene, sheet: Sheet) -> None:
    """Let a value of the open period wait for the approval of the KPI's owner."""
    kpi, waiting = scene.kpis[sheet["code"]], sheet["waiting"]
    (period,) = _periods(scene.moments, kpi, newest=0, count=1)
    enter_measurement(
        kpi=kpi,
        period=period,
        expected_seq=0,
        user=scene.people[waiting["by"]],
        now=scene.moments.now,
        value=Decimal(waiting["value"]),
        note=waiting["reason"],
    )


def _periods(moments: Moments, kpi: Kpi, *, newest: int, count: int) -> list[Period]:
    """Return the last periods up to the one `newest` periods from the open one (-1: the last closed), in order."""
    calendar = calendar_of(kpi.calendar)
    period = period_of(moments.today, kpi.frequency, calendar)
    for _ in range(-newest):
        period = previous_period(period, calendar)
    found = [period]
    while len(found) < count:
        found.append(previous_period(found[-1], calendar))
    return found[::-1]
