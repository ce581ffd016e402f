"""Many KPIs at once from a spreadsheet: columns recognised, a dry run line by line, one transaction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.kpi_list import views
from kpiplatform.dashboards.kpi_list.columns import choice_of, recognised
from kpiplatform.dashboards.models import SentFile
from kpis.models import Kpi
from objectives.models import Objective, ObjectiveState, Role
from tests.dashboards.spreadsheets import a_csv, a_workbook
from tests.factories import a_person, a_role, a_unit, an_objective, the_calendar

pytestmark = pytest.mark.django_db
HEADS = ["KPI name", "Code", "Objective", "Owner email", "Target", "Red flag", "Frequency", "Direction", "Remark"]


@pytest.fixture
def admin(client):
    person = a_person("Grace Lindholm", email="grace@example.com")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return person


def sent(client: Any, *lines: list[Any], heads: list[str] = HEADS) -> str:
    response = client.post(reverse("kpi_list:send"), {"file": a_workbook(heads, *lines)})
    assert response.status_code == 303, response.content.decode()
    return response["Location"]


def line(
    name: str = "Bags late",
    code: str = "BAGS",
    objective: str = "punctual",
    owner: str = "grace@example.com",
    **more: Any,
) -> list[Any]:
    said = {"target": 80, "red": 70, "often": "monthly", "good": "higher"} | more
    return [name, code, objective, owner, said["target"], said["red"], said["often"], said["good"], "a remark"]


def choices(client: Any, path: str, **more: Any) -> dict[str, Any]:
    """Return what the page shows in its form, with some of it changed."""
    form = client.get(path).context["form"]
    said = {field.html_name: field.value() for field in form}
    return {name: value for name, value in said.items() if value not in (None, False)} | more


def test_columns_are_recognised_by_usual_heads_each_once_and_the_others_left_out():
    assert recognised(HEADS) == {
        0: "name", 1: "code", 2: "objective", 3: "owner", 4: "target", 5: "red_flag", 6: "frequency", 7: "polarity",
    }  # fmt: skip
    assert recognised(["Name", "KPI", "Unit of measure", "Department"]) == {0: "name", 2: "measure_unit", 3: "unit"}


def test_choices_are_read_in_the_words_that_people_use():
    assert choice_of("frequency", "Monthly") == "month"
    assert choice_of("polarity", "Lower is better") == "lower_is_better"
    assert choice_of("polarity", "sideways") is None


def test_a_list_is_looked_at_before_anything_is_made_and_then_imported_at_once(client, admin):
    objective = an_objective("Leave on time", code="punctual")
    the_calendar()
    path = sent(client, line(), line("Crew ready", ""))
    text = client.get(path).content.decode()
    assert "2 lines can become KPIs" in text
    assert "CREW-READY" in text
    assert not Kpi.objects.exists()
    assert client.post(path, choices(client, path, activate="on") | {"import": "1"}).status_code == 303
    assert ObjectiveState.objects.get(objective=objective).total == 2
    kpi = Kpi.objects.get(code="BAGS")
    assert (kpi.objective, kpi.owner, kpi.frequency, kpi.polarity, kpi.status) == (
        objective,
        admin,
        "month",
        "higher_is_better",
        "active",
    )
    assert (kpi.targets.get().value, kpi.threshold_sets.get().red_flag) == (Decimal(80), Decimal(70))
    assert "2 KPIs were made; 2 of them are active." in client.get(path).content.decode()


def test_each_line_that_can_not_be_taken_says_why_and_is_left_out(client, admin):
    an_objective(code="punctual")
    the_calendar()
    lines = [
        line("No objective", "A", objective="unknown aim"),
        line("No owner", "B", owner="nobody@example.com"),
        line("Never", "NEVER", good="sideways"),
        line("Twice", "GOOD-2"),
        line("Twice", "GOOD-2"),
        line("", "C"),
        line("Not a number", "D", target="eighty"),
        line("Wrong order", "E", target=60),
        line("Half", "F", red=None),
        line("Strange", "G", often="fortnightly"),
        line("Bad code", "a b"),
    ]
    path = sent(client, *lines)
    page = client.get(path)
    said = {one["number"]: " ".join(one["refused"]) for one in page.context["lines"]}
    for number, why in {
        2: "There is no objective “unknown aim”.",
        3: "Nobody active is called “nobody@example.com”.",
        4: "“sideways” is none of: higher is better",
        6: "GOOD-2 is the code of line 5.",
        7: "It has no name.",
        8: "“eighty” is not a number.",
        9: "the red flag must lie below the goal",
        10: "Target and red flag come together, or neither.",
        11: "“fortnightly” is none of: daily, weekly, monthly",
        12: "is no code",
    }.items():
        assert why in said[number], number
    assert (said[5], said[8]) == ("", "“eighty” is not a number.")
    client.post(path, choices(client, path) | {"import": "1"})
    assert set(Kpi.objects.values_list("code", flat=True)) == {"GOOD-2"}
    assert SentFile.objects.get().outcome["refused"] == 10


def test_missing_objectives_are_made_once_and_missing_owners_replaced_if_one_says_so(client, admin):
    perspective = an_objective(code="punctual").perspective
    the_calendar()
    path = sent(
        client, line("One", "ONE", objective="Lose nothing"), line("Two", "TWO", objective="lose nothing", owner="?")
    )
    more = {"create_objectives": "on", "perspective": perspective.pk, "owner": admin.pk}
    text = client.post(path, choices(client, path, **more) | {"look": "1"}).content.decode()
    assert "The objective is new too. Nobody active is called “?”." in text
    assert not Objective.objects.filter(name="Lose nothing").exists()
    client.post(path, choices(client, path, **more) | {"import": "1"})
    made = Objective.objects.get(name="Lose nothing")
    assert (made.perspective, made.owner) == (perspective, admin)
    assert {kpi.code for kpi in made.kpis.all()} == {"ONE", "TWO"}


def test_incomplete_kpis_stay_drafts(client, admin):
    an_objective(code="punctual")
    the_calendar()
    path = sent(
        client, line(target=None, red=None), line("Not scored", "OTHER", target=None, red=None, good="not scored")
    )
    client.post(path, choices(client, path, activate="on") | {"import": "1"})
    assert dict(Kpi.objects.values_list("code", "status")) == {"BAGS": "draft", "OTHER": "active"}


def test_a_list_sent_or_imported_twice_is_made_once(client, admin):
    an_objective(code="punctual")
    the_calendar()
    content = a_workbook(HEADS, line()).read()
    paths = {
        client.post(reverse("kpi_list:send"), {"file": SimpleUploadedFile("list.xlsx", content)})["Location"]
        for _ in range(2)
    }
    (path,) = paths
    said = choices(client, path) | {"import": "1"}
    assert [client.post(path, said).status_code for _ in range(2)] == [303, 200]
    assert Kpi.objects.count() == 1


def test_a_file_that_is_done_can_be_sent_again_for_the_lines_that_were_left_out(client, admin):
    an_objective(code="punctual")
    the_calendar()
    content = a_workbook(HEADS, line(), line("Crew ready", "CREW", objective="later")).read()

    def imported() -> set[str]:
        file = SimpleUploadedFile("list.xlsx", content)
        path = client.post(reverse("kpi_list:send"), {"file": file})["Location"]
        assert client.post(path, choices(client, path) | {"import": "1"}).status_code == 303
        return set(Kpi.objects.values_list("code", flat=True))

    assert imported() == {"BAGS"}
    an_objective(code="later")
    assert imported() == {"BAGS", "CREW"}


def test_nothing_is_made_where_one_line_fails_at_the_last_moment(client, admin, monkeypatch):
    an_objective(code="punctual")
    the_calendar()
    owner = a_person("Rosa Delgado", email="rosa@example.com")
    path = sent(client, line(), line("Crew ready", "CREW", owner="rosa@example.com"))
    said = choices(client, path) | {"import": "1"}

    def left(**words: Any) -> Any:
        User.objects.filter(pk=owner.pk).update(is_active=False)
        return imported(**words)

    imported = views.import_lines
    monkeypatch.setattr(views, "import_lines", left)
    response = client.post(path, said)
    assert response.status_code == 422
    assert "Rosa Delgado may not sign in" in response.content.decode()
    assert not Kpi.objects.exists()


def test_the_mapping_is_chosen_by_hand_and_says_what_lacks(client, admin):
    objective = an_objective(code="punctual")
    the_calendar()
    path = sent(client, ["Verspätete Koffer", "punctual", "grace@example.com"], heads=["Bezeichnung", "Ziel", "Wer"])
    response = client.get(path)
    assert "Say which column is the name, or the code of KPIs that exist." in response.content.decode()
    by_hand = {"column_0": "name", "column_1": "objective", "column_2": "owner"}
    assert "1 line can become a KPI" in client.post(path, choices(client, path, **by_hand)).content.decode()
    twice = client.post(path, choices(client, path, **by_hand | {"column_2": "name"}))
    assert twice.status_code == 422
    assert "Name is chosen for two columns." in twice.content.decode()
    client.post(path, choices(client, path, **by_hand) | {"import": "1"})
    assert objective.kpis.get().name == "Verspätete Koffer"


def test_numbers_typed_as_text_are_read_in_the_persons_locale(client, admin):
    admin.locale = "de"
    admin.save(update_fields=["locale"])
    an_objective(code="punctual")
    the_calendar()
    a_unit()
    lines = ["Name;Objective;Owner;Target;Red flag;Unit"]
    lines += [
        f"{name};punctual;grace@example.com;82,5;{red};lga" for name, red in (("Koffer", "1.070"), ("Crew", "70"))
    ]
    csv = "\n".join(lines)
    path = client.post(reverse("kpi_list:send"), {"file": a_csv(csv)})["Location"]
    first, second = sorted(client.get(path).context["lines"], key=lambda one: one["number"])
    assert first["refused"]
    assert (second["target"], second["refused"]) == ("82,5", [])


def test_a_file_of_somebody_else_does_not_exist(client, admin):
    an_objective(code="punctual")
    path = sent(client, line())
    other = a_person("Bea Brandt")
    a_role(other, Role.ADMIN)
    client.force_login(other)
    assert client.get(path).status_code == 404


def test_a_list_below_a_title_on_a_later_sheet_is_found(client, admin):
    """Sheets keep their order, and lines the numbers that a spreadsheet shows."""
    an_objective(code="punctual")
    the_calendar()
    book = a_workbook(
        ["Printed by accounting"], **{"KPIs 2026": [["Register of KPIs"], [], HEADS, line()], "A": [["x"]]}
    )
    path = client.post(reverse("kpi_list:send"), {"file": book})["Location"]
    context = client.get(path).context
    assert [name for name, _label in context["form"].fields["sheet"].choices] == ["Sheet", "KPIs 2026", "A"]
    assert [(one["number"], one["code"], one["refused"]) for one in context["lines"]] == [(4, "BAGS", [])]


def test_another_sheet_or_line_of_heads_is_looked_at_before_it_is_imported(client, admin):
    an_objective(code="punctual")
    the_calendar()
    book = a_workbook(HEADS, line(), Other=[["Old"], [*HEADS[:4], "Goal"], line("Crew ready", "CREW")])
    path = client.post(reverse("kpi_list:send"), {"file": book})["Location"]
    said = choices(client, path) | {"sheet": "Other", "import": "1"}
    response = client.post(path, said)
    assert (response.status_code, Kpi.objects.count()) == (200, 0)
    form = response.context["form"]
    assert (form["head_row"].value(), form["column_4"].value()) == (2, "target")
    (found,) = response.context["lines"]
    assert found["refused"] == ["Target and red flag come together, or neither."]


def test_the_dry_run_shows_what_the_kpi_will_be_also_what_nobody_said(client, admin):
    an_objective("Leave on time", code="punctual")
    the_calendar()
    unit = a_unit("LaGuardia")
    path = sent(client, line(often=None, good=None, red=1.25), line("Not yet", "LATER", target=None, red=None))
    said = choices(client, path, activate="on", unit=unit.pk)
    found = {one["code"]: one for one in client.post(path, said).context["lines"]}
    shown = {name: found["BAGS"][name] for name in ("objective", "unit", "how", "target", "red_flag", "becomes")}
    assert shown == {
        "objective": "Leave on time",
        "unit": "LaGuardia",
        "how": "monthly, higher is better, average",
        "target": "80.0",
        "red_flag": "1.25",
        "becomes": "A new KPI, active.",
    }
    assert found["LATER"]["becomes"] == "A new KPI, as a draft: it has no target yet."
    assert client.get(path).context["lines"][0]["becomes"] == "A new KPI, as a draft."


def test_a_ratio_in_percent_is_multiplied_by_a_hundred_unless_the_file_says_otherwise(client, admin):
    an_objective(code="punctual")
    the_calendar()
    heads = ["Name", "Objective", "Owner", "Measured in", "Over time", "Numerator", "Denominator", "Ratio times"]
    plain = ["punctual", "grace@example.com", "%", "ratio of sums", "late", "flights"]
    path = sent(client, ["Late", *plain, None], ["Share", *plain, 1], heads=heads)
    assert "Its ratio is multiplied by 100, to be percent." in client.get(path).context["lines"][0]["notes"]
    client.post(path, choices(client, path) | {"import": "1"})
    factors = dict(Kpi.objects.values_list("code", "ratio_factor"))
    assert factors == {"LATE": 100, "SHARE": 1}
    assert set(Kpi.objects.values_list("numerator_label", "denominator_label")) == {("late", "flights")}


def test_a_code_made_up_for_one_line_is_none_that_another_says(client, admin):
    an_objective(code="punctual")
    the_calendar()
    path = sent(client, line("Bags late", ""), line("Other", "BAGS-LATE"))
    assert [(one["code"], one["refused"]) for one in client.get(path).context["lines"]] == [
        ("BAGS-LATE-2", []), ("BAGS-LATE", []),
    ]  # fmt: skip


def test_lines_that_were_left_out_are_still_named_after_the_import(client, admin):
    an_objective(code="punctual")
    the_calendar()
    path = sent(client, line(), line("Crew ready", "CREW", objective="later"))
    client.post(path, choices(client, path) | {"import": "1"})
    text = client.get(path).content.decode()
    assert "There is no objective “later”." in text


def test_a_list_without_codes_sent_again_makes_nothing_twice(client, admin):
    an_objective(code="punctual")
    the_calendar()
    lines = [line("Bags late", ""), line("bags late", ""), line("Bags late", "OTHER")]
    path = sent(client, *lines)
    why = "BAGS-LATE is called so already in Harbor Airports: give this one its own code."
    said = {one["number"]: one["refused"] for one in client.get(path).context["lines"]}
    assert said == {2: [], 3: [why], 4: []}
    client.post(path, choices(client, path) | {"import": "1"})
    again = client.get(sent(client, *lines[:1])).context["lines"]
    assert [one["refused"] for one in again] == [[why]]


def test_a_file_with_a_character_that_no_text_has_is_read_without_it(client, admin):
    an_objective(code="punctual")
    the_calendar()
    csv = "Name;Objective;Owner;Measured from\nBags\0 late;punctual;grace@example.com;20226-01-01"
    response = client.post(reverse("kpi_list:send"), {"file": a_csv(csv)})
    assert response.status_code == 303
    (line,) = client.get(response["Location"]).context["lines"]
    assert line["name"] == "Bags late"
    assert line["refused"] == ["“20226-01-01” is no day as it is read here: a date of the spreadsheet, or 2026-11-28."]
