"""Lines whose code is that of a KPI: what they change, what they leave, and what is refused."""

from __future__ import annotations

import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from kpiplatform.dashboards.models import TakenFile
from kpis.domain.judged import in_force
from kpis.models import Kpi, KpiOwnership, PeriodLock, Target, ThresholdSet
from kpis.queries import rules_of
from kpis.readings import Origin, Reading
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.dashboards.spreadsheets import a_csv, a_workbook
from tests.dashboards.test_export import csv_rows, exported
from tests.dashboards.test_kpi_list import choices
from tests.factories import NOW, a_kpi, a_person, a_role, a_unit, an_objective, limits

pytestmark = pytest.mark.django_db
WEEK = timedelta(weeks=1)


@pytest.fixture
def admin(client):
    person = a_person("Grace Lindholm", email="grace@example.com")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return person


@pytest.fixture
def kpi(admin) -> Kpi:
    kpi = a_kpi("Bags late", code="BAGS", owner=admin, purpose="To know", created_at=NOW - 400 * timedelta(days=1))
    limits(kpi)
    return kpi


def sent(client: Any, heads: list[str], *lines: list[Any]) -> str:
    response = client.post(reverse("kpi_list:send"), {"file": a_workbook(heads, *lines)})
    assert response.status_code == 303, response.content.decode()
    return response["Location"]


def looked(client: Any, path: str, **more: Any) -> list[dict[str, Any]]:
    lines = client.post(path, choices(client, path, **more)).context["lines"]
    return sorted(lines, key=lambda one: one["number"])


def imported(client: Any, path: str, **more: Any) -> Any:
    said = choices(client, path, **more)
    looked_at = client.post(path, said).context["form"]["looked_at"].value()
    return client.post(path, said | {"looked_at": looked_at, "import": "1"})


def changes(line: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["label"], one["old"], one["new"]) for one in line["changes"]]


def week_of(kpi: Kpi, start: date, value: str) -> None:
    reading = Reading(kpi_id=kpi.pk, period_start=start, period_end=start + WEEK, value=Decimal(value))
    record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=kpi.owner_id), now=NOW)


def test_a_line_changes_what_it_says_and_nothing_else_as_a_new_version_from_a_day(client, admin, kpi):
    new = a_person("Rosa Delgado", email="rosa@example.com")
    path = sent(
        client,
        ["Code", "Name", "Purpose", "Target", "Red flag", "Owner", "Decimals"],
        ["bags", "Bags later", None, 90, None, "rosa@example.com", 2],
    )
    (line,) = looked(client, path)
    assert (line["becomes"], changes(line)) == (
        "It changes:",
        [
            ("Name", "Bags late", "Bags later"),
            ("Decimals", "1", "2"),
            ("Owner", "Grace Lindholm", "Rosa Delgado"),
            ("Target", "80.00\u202f%", "90.00\u202f%"),
        ],
    )
    assert "Change 1 KPI" in client.get(path).content.decode()
    refused = imported(client, path)
    assert refused.status_code == 422
    assert "An active KPI changes for a reason: say it." in refused.content.decode()
    day = timezone.localdate() + timedelta(days=3)
    response = imported(client, path, reason="Agreed in the board", effective_from=str(day))
    assert response.status_code == 303
    assert "1 KPI was changed." in client.get(path).content.decode()
    kpi.refresh_from_db()
    assert (kpi.name, kpi.purpose, kpi.decimals, kpi.owner, kpi.version) == ("Bags later", "To know", 2, new, 2)
    version = kpi.versions.get()
    assert (version.effective_from, version.reason, version.recorded_by) == (day, "Agreed in the board", admin)
    target = Target.objects.get(kpi=kpi, effective_from=day)
    assert (target.value, target.reason) == (90, "Agreed in the board")
    assert ThresholdSet.objects.filter(kpi=kpi).count() == 1
    assert KpiOwnership.objects.get(kpi=kpi).effective_from == timezone.localdate()


def test_our_own_export_comes_back_without_a_change(client, admin, kpi):
    """In another locale, too, with texts that a spreadsheet would compute, and with things that ended since."""
    Kpi.objects.filter(pk=kpi.pk).update(
        purpose="=SUM(A1)\r\nand more",
        minimum=Decimal("0.5"),
        ratio_factor=Decimal("1.25"),
        inclusions="–",
        tier="strategic",
    )
    type(kpi.objective).objects.filter(pk=kpi.objective_id).update(status="retired")
    admin.locale = "de"
    admin.save(update_fields=["locale"])
    rows = csv_rows(exported(client, "csv", "kpis"), "kpis")
    assert rows[0]["purpose"].startswith("'=")
    heads = list(rows[0])
    csv = "\n".join(";".join('"' + row[name].replace('"', '""') + '"' for name in heads) for row in rows)
    path = client.post(reverse("kpi_list:send"), {"file": a_csv(";".join(heads) + "\n" + csv)})["Location"]
    (line,) = looked(client, path)
    assert (line["refused"], changes(line), line["becomes"]) == ([], [], "It stays as it is.")
    text = client.get(path).content.decode()
    assert "1 line says what stands already." in text
    assert 'name="import"' not in text


def test_the_present_list_comes_back_without_a_change_and_with_what_one_typed_into_it(client, admin, kpi):
    Kpi.objects.filter(pk=kpi.pk).update(purpose="=SUM(A1)", active_from=date(2026, 1, 1), minimum=Decimal("0.5"))
    room = a_kpi("Room", code="ROOM", owner=admin, polarity="within_range", objective=kpi.objective)
    common = {"kpi": room, "effective_from": date(2026, 1, 1), "recorded_at": NOW, "recorded_by": admin}
    Target.objects.create(low=19, high=22, **common)
    ThresholdSet.objects.create(mode="offset", red_low=-3, red_high=4, **common)
    a_kpi("Seen", code="SEEN", owner=admin, polarity="unscored")
    response = client.get(reverse("kpi_list:present"))
    book = load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    rows = [[cell.value for cell in row] for row in book["KPIs"].iter_rows()]
    heads, at = rows[0], {row[1]: number for number, row in enumerate(rows)}
    assert [rows[at["ROOM"]][heads.index(name)] for name in ("Goal, from", "Red flag below")] == [19, 16]
    lines = looked(client, sent(client, heads, *rows[1:]))
    assert [(one["refused"], changes(one)) for one in lines] == [([], [])] * 3
    rows[at["BAGS"]][heads.index("Target")] = 85
    lines = looked(client, sent(client, heads, *rows[1:]))
    assert [changes(one) for one in lines if one["changes"]] == [[("Target", "80.0\u202f%", "85.0\u202f%")]]
    assert TakenFile.objects.get().rows == 3


def test_limits_of_a_range_come_from_four_columns(client, admin, kpi):
    a_kpi("Room", code="ROOM", owner=admin, polarity="within_range", measure_unit="°C", decimals=0)
    an_objective("Comfort", code="comfort")
    heads = [
        "Code",
        "Name",
        "Objective",
        "Owner",
        "What is good",
        "Goal, from",
        "Goal, to",
        "Red flag below",
        "Red flag above",
    ]
    path = sent(
        client,
        heads,
        ["ROOM", None, None, None, None, 19, 22, 16, 26],
        ["HALL", "Hall", "comfort", "grace@example.com", "within a range", 18, 21, 15, 24],
        ["HALF", "Half", "comfort", "grace@example.com", "within a range", 18, None, 15, 24],
        ["FALL", "Fall", "comfort", "grace@example.com", "within a range", 21, 18, 15, 24],
        ["OVER", "Over", "comfort", "grace@example.com", "within a range", 18, 21, 19, 24],
        ["BAGS", None, None, None, None, 18, None, None, None],
    )
    lines = looked(client, path)
    assert changes(lines[0])[0] == ("Goal, from", "nothing", "19\u202f°C")
    assert (lines[1]["target"], lines[1]["red_flag"]) == ("18.0 – 21.0", "15.0 – 24.0")
    assert [" ".join(one["refused"]) for one in lines[2:]] == [
        "The four limits of a range come together, or none.",
        "The range of the goal ends below its beginning.",
        "In a range the numbers rise: lower red flag, goal from, goal to, upper red flag.",
        "Only what is good within a range has a goal from and to, and red flags below and above.",
    ]
    assert imported(client, path, reason="Measured", activate="on").status_code == 303
    hall = Kpi.objects.get(code="HALL")
    assert hall.status == Kpi.Status.ACTIVE
    for code, ends in {"ROOM": (19, 22, 16, 26), "HALL": (18, 21, 15, 24)}.items():
        kpi = Kpi.objects.get(code=code)
        target, threshold = kpi.targets.get(), kpi.threshold_sets.get()
        assert (target.low, target.high, threshold.red_low, threshold.red_high) == ends
    (line, *_others) = looked(client, sent(client, heads[:1] + heads[5:], ["ROOM", 19, 22, None, 27]))
    assert changes(line) == [("Red flag above", "26\u202f°C", "27\u202f°C")]


def test_a_red_flag_that_moves_with_the_target_stands_where_the_file_says(client, admin, kpi):
    today = timezone.localdate()
    ThresholdSet.objects.create(
        kpi=kpi, effective_from=today, mode="offset", red_flag=-10, recorded_at=NOW, recorded_by=admin
    )
    (line,) = looked(client, sent(client, ["Code", "Target", "Red flag"], ["BAGS", 80, 70]))
    assert changes(line) == []
    (line,) = looked(client, sent(client, ["Code", "Target"], ["BAGS", 90]))
    assert changes(line) == [("Target", "80.0\u202f%", "90.0\u202f%"), ("Red flag", "70.0\u202f%", "80.0\u202f%")]
    path = sent(client, ["Code", "Target", "Red flag"], ["BAGS", 90, 70])
    assert changes(looked(client, path)[0]) == [("Target", "80.0\u202f%", "90.0\u202f%")]
    assert imported(client, path, reason="Agreed").status_code == 303
    stands = in_force(rules_of([kpi])[kpi.pk].thresholds, today)
    assert (stands.mode, stands.red_flag) == ("absolute", 70)


def test_limits_that_were_set_for_a_later_day_are_told(client, admin, kpi):
    limits(kpi, since=date(2031, 1, 1), goal=95)
    (line,) = looked(client, sent(client, ["Code", "Target"], ["BAGS", 90]))
    assert line["notes"] == ["From 1 Jan 2031 on other limits hold, as was set before."]


def test_what_would_falsify_or_open_what_is_recorded_is_refused_with_its_line(client, admin, kpi):
    week_of(kpi, date(2026, 9, 28), "75")
    lga = a_unit("LaGuardia")
    PeriodLock.objects.create(
        calendar=kpi.calendar,
        unit=None,
        locked_until=date(2026, 10, 5),
        locked_at=NOW,
        locked_by=admin,
        reason="Closed",
    )
    other = a_kpi(code="OTHER", owner=admin)
    heads = ["Code", "Frequency", "Target", "Red flag", "What is good", "Objective", "Unit", "Owner"]
    path = sent(
        client,
        heads,
        ["BAGS", "monthly"],
        ["OTHER", "monthly", None, None, None, None, lga.name],
        ["OTHER", None, None, None, "lower is better"],
        ["BAGS", None, 70, 75],
        ["BAGS", None, 76, 70],
        ["BAGS", None, None, None, "lower is better"],
        ["BAGS", None, None, None, None, "unknown aim"],
        ["BAGS", None, None, None, None, None, "nowhere"],
        ["BAGS", None, None, None, None, None, None, "Nobody"],
    )
    lines = looked(client, path, effective_from="2026-09-01")
    why = [one["refused"][0] if one["refused"] else "" for one in lines]
    assert why[0].startswith("Its values are recorded by other periods")
    assert [label for label, _old, _new in changes(lines[1])] == ["Frequency", "Unit of the organisation"]
    assert why[1] == ""
    assert why[2] == "OTHER is the code of line 3."
    assert why[3] == "Higher is better here, so the red flag must lie below the goal."
    assert "W40 is locked and would be judged otherwise." in why[4]
    assert why[5] == "Lower is better here, so the red flag must lie above the goal."
    assert why[6:] == [
        "There is no objective “unknown aim”.",
        "There is no unit “nowhere”.",
        "Nobody active is called “Nobody”.",
    ]
    assert imported(client, path, effective_from="2026-09-01", reason="Test").status_code == 303
    other.refresh_from_db()
    kpi.refresh_from_db()
    assert (other.frequency, other.unit, kpi.version) == ("month", lga, 1)


def test_what_somebody_changed_after_the_look_is_looked_at_again(client, admin, kpi):
    path = sent(client, ["Code", "Purpose", "Name"], ["BAGS", "To act", None])
    said = choices(client, path, reason="Clearer")
    Kpi.objects.filter(pk=kpi.pk).update(name="Bags much later")  # of another column: both stand
    said["looked_at"] = client.get(path).context["form"]["looked_at"].value()
    Kpi.objects.filter(pk=kpi.pk).update(purpose="Theirs")
    response = client.post(path, said | {"import": "1"})
    assert response.status_code == 422
    text = response.content.decode()
    assert "Nothing was imported: look at it again." in text
    assert "Theirs" in text
    assert Kpi.objects.get(pk=kpi.pk).purpose == "Theirs"
    said["looked_at"] = response.context["form"]["looked_at"].value()
    assert client.post(path, said | {"import": "1"}).status_code == 303
    changed = Kpi.objects.get(pk=kpi.pk)
    assert (changed.purpose, changed.name) == ("To act", "Bags much later")


def test_a_line_that_is_refused_when_it_is_written_ends_the_import_with_its_number(client, admin, kpi):
    share = a_kpi(
        "Share",
        code="SHARE",
        owner=admin,
        entry="derived",
        formula="[BAGS] + 1",
        measure_unit="%",
        time_aggregation="formula",
    )
    share.inputs.create(input=kpi, is_current=True)
    path = sent(client, ["Code", "Measured in", "Purpose"], ["SHARE", None, "To see"], ["BAGS", "min", None])
    response = imported(client, path, reason="Other unit")
    assert response.status_code == 422
    assert (
        "Line 3, BAGS: Share [SHARE] is computed from Bags late and could not be any more." in response.content.decode()
    )
    assert Kpi.objects.get(code="SHARE").purpose == ""
