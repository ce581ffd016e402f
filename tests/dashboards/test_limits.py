"""The editor of limits: what it previews, what it refuses, and that a second press is harmless."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from kpiplatform.dashboards.limits.preview import preview
from kpis.domain.limits import TargetRow, ThresholdRow
from kpis.domain.replay import Proposal
from kpis.grades import confidence_of
from kpis.models import Evaluation, Kpi, Target, ThresholdSet
from kpis.services.aiming import set_target
from kpis.services.judging import judge_owed
from objectives.models import Role
from tests.architecture.people_and_things import closed_weeks, record
from tests.factories import NOW, a_kpi, a_person, a_role, limits

pytestmark = pytest.mark.django_db
VALUES = ("82", "76", "70", "74", "81", "73")
DAY = timedelta(days=1)


@pytest.fixture
def admin():
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    return person


@pytest.fixture
def kpi(admin):
    kpi = a_kpi(code="OTA", active_from=date(2026, 1, 1), owner=admin)
    limits(kpi, goal=80, red_flag=72)
    record([kpi], dict(zip(closed_weeks(NOW, len(VALUES)), VALUES, strict=True)), now=NOW)
    judge_owed(now=NOW)
    return Kpi.objects.select_related("objective", "calendar").get(pk=kpi.pk)


def threshold(start: date, red_flag: str = "68", **numbers: str) -> ThresholdRow:
    return ThresholdRow(
        effective_from=start,
        recorded_at=NOW + DAY,
        red_flag=Decimal(red_flag),
        **{k: Decimal(v) for k, v in numbers.items()},
    )


def proposal(start: date, *, target: str = "", red_flag: str = "") -> Proposal:
    return Proposal(
        effective_from=start,
        target=TargetRow(effective_from=start, recorded_at=NOW + DAY, value=Decimal(target)) if target else None,
        threshold=threshold(start, red_flag) if red_flag else None,
    )


def said(kpi: Kpi, **fields: str) -> dict[str, str]:
    seen = f"{kpi.targets.latest('pk').pk}-{kpi.threshold_sets.latest('pk').pk}"
    start = str(closed_weeks(NOW, 1)[0].start)
    good = {
        "target": "80",
        "mode": "absolute",
        "red_flag": "68",
        "effective_from": start,
        "reason": "noise",
        "seen": seen,
    }
    return good | fields


def rows() -> tuple[int, int]:
    return Target.objects.count(), ThresholdSet.objects.count()


def test_a_preview_replays_the_past_and_writes_nothing(kpi):
    before = rows(), list(Evaluation.objects.values_list("period_start", "band"))
    shown = preview(kpi=kpi, proposal=proposal(date(2026, 11, 23), red_flag="74"), today=NOW.date(), now=NOW)
    assert [row.band for row in shown.old.judged] == [
        "on_track",
        "at_risk",
        "off_track",
        "at_risk",
        "on_track",
        "at_risk",
    ]
    assert [row.band for row in shown.new.judged] == [
        "on_track",
        "at_risk",
        "off_track",
        "at_risk",
        "on_track",
        "off_track",
    ]
    assert (len(shown.old.alerts), len(shown.new.alerts), len(shown.moved)) == (3, 3, 1)
    assert (shown.rejudged, shown.really_moved, shown.applies_at_once) == (0, [], False)
    assert (rows(), list(Evaluation.objects.values_list("period_start", "band"))) == before


def test_a_preview_tells_which_periods_would_really_change(kpi):
    start = closed_weeks(NOW, 4)[0].start
    shown = preview(kpi=kpi, proposal=proposal(start, red_flag="68"), today=NOW.date(), now=NOW)
    assert [(one.period_start, one.old, one.new) for one in shown.really_moved] == [(start, "off_track", "at_risk")]
    assert shown.rejudged == 4
    assert shown.betters


def test_a_preview_tells_how_often_the_target_was_met(kpi):
    shown = preview(kpi=kpi, proposal=proposal(date(2026, 11, 23), target="81"), today=NOW.date(), now=NOW)
    assert (shown.realism.met, len(shown.realism.values), shown.realism.met_lately) == (2, 6, 1)


def test_the_objective_is_previewed_with_the_score_the_kpi_would_have(kpi):
    shown = preview(kpi=kpi, proposal=proposal(date(2026, 11, 23), target="73"), today=NOW.date(), now=NOW)
    mine, objectives = shown.present
    assert (mine.old_band, mine.new_band) == ("at_risk", "on_track")
    assert objectives.new_score == mine.new_score
    key = (kpi.pk, mine.period_start)
    assert (mine.value, mine.grade) == (kpi.state.value, confidence_of([key], today=NOW.date())[key].grade)
    assert (objectives.value, objectives.grade) == (None, "")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"red_flag": "80"}, "The red flag cannot equal the goal."),
        ({"red_flag": "90"}, "the red flag must lie below the goal"),
        ({"target": ""}, "A target needs a number."),
        ({"red_flag": ""}, "Thresholds need a red flag."),
        ({"red_flag": "sixty"}, "is not a number"),
        ({"effective_from": "1902-01-01"}, "choose a day from then on"),
        ({"effective_from": "2199-01-01"}, "within the next"),
        ({"effective_from": "soon"}, "Enter a valid date"),
        ({"reason": ""}, "The change betters a colour"),
        ({"red_flag": "72"}, "These are the limits in force"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_a_sentence(kpi, admin, client: Client, wrong, sentence):
    client.force_login(admin)
    before = rows()
    late = {"effective_from": str(closed_weeks(NOW, 4)[0].start)} if "reason" in wrong else {}
    response = client.post(reverse("kpi_limits", args=["OTA"]), said(kpi, **late, **wrong))
    assert response.status_code == 422
    assert sentence in response.content.decode().replace("&#x27;", "'")
    assert rows() == before


def test_target_and_thresholds_that_only_fit_together_are_saved_together(kpi, admin, client: Client):
    client.force_login(admin)
    answer = client.post(reverse("kpi_limits", args=["OTA"]), said(kpi, target="70", red_flag="60"))
    assert answer.status_code == 303
    assert rows() == (2, 2)
    latest = Evaluation.objects.filter(kpi=kpi).latest("period_start")
    assert (latest.goal, latest.red_flag, latest.band) == (70, 60, "on_track")


def test_the_second_press_saves_nothing_and_is_no_error(kpi, admin, client: Client):
    client.force_login(admin)
    once = said(kpi)
    for _press in range(2):
        assert client.post(reverse("kpi_limits", args=["OTA"]), once).status_code == 303
    assert rows() == (1, 2)


def test_limits_that_somebody_else_changed_meanwhile_are_not_overwritten(kpi, admin, client: Client):
    client.force_login(admin)
    old = said(kpi, red_flag="69")
    client.post(reverse("kpi_limits", args=["OTA"]), said(kpi))
    refused = client.post(reverse("kpi_limits", args=["OTA"]), old)
    assert refused.status_code == 422
    assert "changed these limits meanwhile" in refused.content.decode()
    again = refused.context["form"]["seen"].value()
    assert client.post(reverse("kpi_limits", args=["OTA"]), old | {"seen": again}).status_code == 303


def test_numbers_are_said_anew_when_another_mode_is_chosen(kpi, admin, client: Client):
    client.force_login(admin)
    asked = said(kpi, mode="offset", mode_shown="absolute", red_flag="68", goal="", convert="1")
    form = client.post(reverse("kpi_limits", args=["OTA"]), asked).context["form"]
    assert form["red_flag"].value() == "−12.0"


def test_a_range_has_two_pairs(admin, client: Client):
    kpi = a_kpi(code="SLACK", polarity=Kpi.Polarity.RANGE, owner=admin, measure_unit="min")
    client.force_login(admin)
    path = reverse("kpi_limits", args=["SLACK"])
    numbers = {"goal_low": "10", "goal_high": "20", "red_low": "12", "red_high": "25"}
    common = {"mode": "absolute", "effective_from": "2026-11-16", "reason": "plan", "seen": "0-0"}
    assert client.post(path, common | numbers).status_code == 422
    assert client.post(path, common | numbers | {"red_low": "5"}).status_code == 303
    assert kpi.threshold_sets.get().red_low == 5


def test_what_is_not_scored_takes_no_limits(admin, client: Client):
    a_kpi(code="WATCH", polarity=Kpi.Polarity.UNSCORED, owner=admin)
    client.force_login(admin)
    path = reverse("kpi_limits", args=["WATCH"])
    assert "Watched, not judged" in client.get(path).content.decode()
    assert client.post(path, {"red_flag": "1"}).status_code == 404


@pytest.mark.parametrize(("asked", "part"), [("live", 'class="verdict"'), ("1", 'id="editor"')])
def test_a_preview_swaps_what_it_was_asked_for_and_saves_nothing(kpi, admin, client: Client, asked, part):
    client.force_login(admin)
    before = rows()
    answer = client.post(reverse("kpi_limits", args=["OTA"]), said(kpi, preview=asked), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert part in answer.content.decode()
    assert ('id="editor"' in answer.content.decode()) == (asked == "1")
    assert rows() == before


def test_a_later_target_still_holds_for_the_present_band(kpi, admin):
    first, *_rest, last = closed_weeks(NOW, len(VALUES))
    set_target(kpi=kpi, effective_from=last.start, value=Decimal(90), reason="plan", by=admin, now=NOW)
    shown = preview(kpi=kpi, proposal=proposal(first.start, target="73"), today=NOW.date(), now=NOW)
    assert [one.period_start for one in shown.really_moved][-1] < last.start
    assert (shown.present[0].old_band, shown.present[0].new_band) == ("at_risk", "at_risk")
    assert shown.next_change == last.start


def test_before_another_change_it_is_said_whether_present_bands_turn_on_saving(kpi, admin, client: Client):
    client.force_login(admin)
    coming = NOW.date() + timedelta(days=1)
    later = NOW.date() + timedelta(days=60)
    set_target(kpi=kpi, effective_from=later, value=Decimal(90), reason="plan", by=admin, now=NOW)
    text = client.post(
        reverse("kpi_limits", args=["OTA"]), said(kpi, preview="1", effective_from=str(coming))
    ).content.decode()
    assert "until then the proposal holds from 23 Nov 2026 on. No present band changes on saving" in text


def test_a_target_ends_on_its_last_day_and_may_be_taken_on_again(kpi, admin, client: Client):
    client.force_login(admin)
    path, weeks = reverse("kpi_limits", args=["OTA"]), closed_weeks(NOW, 3)
    change = {"red_flag": "72", "effective_from": str(weeks[0].start), "until": str(weeks[1].last_day), "reason": ""}
    assert "The target ends: say why." in client.post(path, said(kpi, **change)).content.decode()
    assert client.post(path, said(kpi, **change | {"reason": "plan over"})).status_code == 303
    judged = Evaluation.objects.filter(kpi=kpi).order_by("-period_start").values_list("no_band_reason", flat=True)
    assert list(judged[:2]) == ["no_target", ""]
    shown = client.get(path)
    assert shown.context["form"]["target"].value() is None
    assert "none: it ends" in shown.content.decode()
    listed = client.get(reverse("kpis:configure"), {"lacks": "target"}).content.decode()
    assert kpi.name in listed
    assert "80.0 until 9 Nov" in client.get(reverse("kpi", args=["OTA"])).content.decode()
    again = said(kpi, red_flag="72", target="80", effective_from=str(weeks[2].start))
    assert client.post(path, again).status_code == 303
    assert Evaluation.objects.filter(kpi=kpi).latest("period_start").band == "at_risk"
    assert not client.get(reverse("kpis:configure"), {"lacks": "target"}).context["count"]


def test_the_end_of_a_target_is_shown_beside_it_and_taken_back_by_an_empty_day(kpi, admin, client: Client):
    client.force_login(admin)
    path = reverse("kpi_limits", args=["OTA"])
    coming = {"red_flag": "72", "effective_from": "2026-11-23"}
    assert client.post(path, said(kpi, **coming, until="2026-12-31")).status_code == 303
    form = client.get(path)
    assert form.context["form"]["until"].value() == date(2026, 12, 31)
    assert "It ends on 31 Dec 2026." in form.content.decode()
    unchanged = client.post(path, said(kpi, **coming, until="2026-12-31"))
    assert "These are the limits in force" in unchanged.content.decode()
    assert client.post(path, said(kpi, **coming, until="")).status_code == 303
    assert [row.value for row in kpi.targets.order_by("pk")] == [80, None, 80]
    shown = client.get(path)
    assert "It ends on" not in shown.content.decode()
    assert [row["state"] for row in shown.context["history"]][:2] == ["to come", "replaced"]


def test_only_the_end_of_a_target_may_lie_before_the_day_of_a_change(kpi, admin, client: Client):
    client.force_login(admin)
    path, last = reverse("kpi_limits", args=["OTA"]), closed_weeks(NOW, 1)[0]
    early = {"effective_from": "2026-11-30", "until": str(last.start - DAY)}
    refused = client.post(path, said(kpi, **early, target="85", red_flag="72"))
    assert "would end before it begins" in refused.content.decode()
    assert client.post(path, said(kpi, **early, red_flag="72")).status_code == 303
    assert Evaluation.objects.filter(kpi=kpi).latest("period_start").no_band_reason == "no_target"
    assert kpi.targets.latest("pk").effective_from == last.start


def test_a_target_that_another_one_follows_needs_no_end_of_its_own(kpi, admin, client: Client):
    client.force_login(admin)
    set_target(kpi=kpi, effective_from=date(2027, 1, 1), value=Decimal(90), reason="plan", by=admin, now=NOW)
    change = said(kpi, target="82", effective_from="2026-11-23", until="2027-03-31")
    text = client.post(reverse("kpi_limits", args=["OTA"]), change).content.decode()
    assert "Another target begins on 1 Jan 2027" in text
