"""Loading the sample organisation."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from kpiplatform.accounts.models import User
from kpiplatform.audit.actor import acting
from kpiplatform.demo.defining import add_kpis
from kpiplatform.demo.living import add_entries, close_books, freeze_held_reviews, owe_pulls, run_owed_pulls
from kpiplatform.demo.moments import Moments
from kpiplatform.demo.organising import add_organisation, add_strategy
from kpiplatform.demo.scene import Scene
from kpiplatform.demo.sheets import read
from kpiplatform.demo.shift import weeks_to_move
from kpiplatform.demo.sign_ins import SAMPLE_PASSWORD
from kpiplatform.demo.source_files import DATABASE, WEATHER, write_source_files
from kpiplatform.demo.working import add_forums, add_initiatives, add_remarks, add_subscriptions
from kpis.models import Holiday, PeriodLock
from kpis.services.health import refresh_health
from kpis.services.locking import ensure_states
from kpis.services.rolling import roll_up_objectives
from objectives.models import Organisation


class OtherOrganisation(Exception):
    """The database serves another organisation; the sample would mix with it. Nothing was written."""


def load_sample_organisation(*, now: datetime, password: str = SAMPLE_PASSWORD) -> bool:
    """Load the sample organisation as of `now` and return whether anything was missing.

    The files of its sources are written where the settings say that sources are read. A loading
    that was interrupted is completed; a second one changes nothing.
    """
    described = read("organisation")["organisation"]
    zone = ZoneInfo(described["time_zone"])
    folder = Path(settings.KPI_SOURCES_DIR)
    found = Organisation.objects.first()
    if found is not None and found.name != described["name"]:
        raise OtherOrganisation(found.name)
    weeks = _weeks_moved() if found is not None else weeks_to_move(now.astimezone(zone).date())
    moments = Moments(now=now, zone=zone, weeks=weeks)
    files_missing = not ((folder / DATABASE).is_file() and (folder / WEATHER).is_file())
    if found is None or files_missing:
        write_source_files(folder, weeks=weeks)
    if found is None:
        create_organisation(Scene(moments=moments), password=password)
    books_open = not PeriodLock.objects.exists()
    if books_open:
        run_owed_pulls(now=now)
        people = {person.email.partition("@")[0]: person for person in User.objects.all()}
        with transaction.atomic():
            close_books(moments, by=people["grace.lindholm"], people=people)
            freeze_held_reviews()
        refresh_health(now=now)
    return found is None or files_missing or books_open


@transaction.atomic
def create_organisation(scene: Scene, *, password: str) -> None:
    """Create all that people have made: definitions, work, remarks, typed values, and the pulls that are owed."""
    add_organisation(scene, password=password)
    with acting(scene.office.pk):
        add_strategy(scene)
        add_kpis(scene)
        add_subscriptions(scene)
        add_initiatives(scene)
        add_forums(scene)
        add_remarks(scene)
        add_entries(scene)
        owe_pulls(scene)
    # Also what has no value yet has a row on the scorecard.
    ensure_states(kpi_ids=[kpi.pk for kpi in scene.kpis.values()])
    roll_up_objectives(objective_ids=[objective.pk for objective in scene.objectives.values()], now=scene.moments.now)


def _weeks_moved() -> int:
    """Return by how many weeks the loaded sample was moved: its holidays moved along."""
    first_holiday: date = read("organisation")["calendar"]["holiday"][0]["day"]
    loaded = Holiday.objects.order_by("day").values_list("day", flat=True)[0]
    return (loaded - first_holiday).days // 7
