"""Writing the calculation of a derived KPI, its preview, and the page that explains a value."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from unittest.mock import patch

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from kpiplatform.audit.editing import seen
from kpis.domain.periods import Calendar, period_of, previous_period
from kpis.models import Kpi, KpiInput, OwedDerivation
from kpis.readings import Origin, Reading
from kpis.services.defining import SHEET, define, move_on
from kpis.services.deriving import derive_owed
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.factories import a_kpi, a_person, a_role, a_unit

pytestmark = pytest.mark.django_db
LAST = previous_period(period_of(timezone.localdate(), "week", Calendar()), Calendar())


@pytest.fixture
def admin(client):
    person = a_person("Grace Lindholm")
    a_role(person, Role.ADMIN)
    client.force_login(person)
    return person


def an_input(code: str, value: str, **fields) -> Kpi:
    kpi = a_kpi(fields.pop("name", code.title()), code=code, active_from=date(2020, 1, 6), **fields)
    reading = Reading(kpi_id=kpi.pk, period_start=LAST.start, period_end=LAST.end, value=Decimal(value))
    record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=kpi.owner_id), now=timezone.now())
    return kpi


def derived(formula: str, *, by, code: str = "SHARE", **fields) -> Kpi:
    start = LAST.start - timedelta(weeks=8)
    kpi = a_kpi("Share", code=code, status="draft", polarity="unscored", active_from=start, measure_unit="", **fields)
    values = {"entry": "derived", "formula": formula}
    define(
        kpi=kpi, seen=seen(kpi, SHEET), values=values, effective_from=start, reason="", breaks_series=False, by=by,
        now=timezone.now(),
    )  # fmt: skip
    kpi = move_on(kpi=kpi, to="active", by=by, now=timezone.now())
    derive_owed(now=timezone.now())
    return kpi


def said(kpi: Kpi, formula: str, **more) -> dict[str, str]:
    plain = {"formula": formula, "missing_policy": "blank", "effective_from": str(LAST.start), "reason": "so it is"}
    return plain | {"seen": seen(kpi, SHEET)} | more


def text(response) -> str:
    return unescape(response.content.decode())


def page_of(kpi: Kpi) -> str:
    return reverse("kpis:calculation", args=[kpi.code])


def test_a_calculation_is_saved_as_it_is_always_written_and_its_values_are_owed(client, admin):
    an_input("LATE", "4")
    an_input("FLIGHTS", "50")
    kpi = a_kpi("Share", code="SHARE", active_from=LAST.start)
    response = client.post(page_of(kpi), said(kpi, "[late]/[FLIGHTS]*100"))
    assert response.status_code == 303
    kpi.refresh_from_db()
    assert (kpi.entry, kpi.formula, kpi.version) == ("derived", "[LATE] ÷ [FLIGHTS] × 100", 2)
    assert KpiInput.objects.filter(kpi=kpi).count() == 2
    assert OwedDerivation.objects.get().period_start == LAST.start
    assert client.post(page_of(kpi), said(kpi, "[LATE] / [FLIGHTS] × 100")).status_code == 303
    assert Kpi.objects.get(pk=kpi.pk).version == 2


def test_a_formula_that_is_refused_says_where_and_keeps_what_was_typed(client, admin):
    kpi = a_kpi("Share", code="SHARE")
    response = client.post(page_of(kpi), said(kpi, "[KPI-1 + ×"))
    assert response.status_code == 422
    assert "Character 1: the reference “[KPI-1 + ×” is not closed" in text(response)
    assert ">\n[KPI-1 + ×</textarea>" in text(response)
    assert Kpi.objects.get(pk=kpi.pk).entry == "manual"


def test_an_active_kpi_changes_for_a_reason(client, admin):
    an_input("LATE", "4")
    kpi = a_kpi("Share", code="SHARE")
    response = client.post(page_of(kpi), said(kpi, "[LATE] + 1", reason=""))
    assert (response.status_code, "changes for a reason" in text(response)) == (422, True)
    assert 'Reason <span class="optional">' not in text(response)
    inserted = client.post(page_of(kpi), said(kpi, "[LATE] + ", reason="", insert="LATE"))
    assert (inserted.status_code, "changes for a reason" in text(inserted)) == (200, False)


def test_what_has_no_value_yet_is_computed_from_its_beginning_unless_somebody_says_otherwise(client, admin):
    kpi = a_kpi("Share", code="SHARE", active_from=LAST.start)
    page = text(client.get(page_of(kpi)))
    assert f'value="{LAST.start}"' in page
    assert f'value="{timezone.localdate()}"' not in page


def test_the_preview_computes_the_latest_periods_and_saves_nothing(client, admin):
    an_input("LATE", "4")
    kpi = a_kpi("Share", code="SHARE", measure_unit="")
    live = client.post(page_of(kpi), said(kpi, "[LATE] × 2.5", preview="live"), headers={"HX-Request": "true"})
    assert live.status_code == 200
    assert "1 of the latest 12 periods have a value" in text(live)
    assert "<b>10.0</b>" in text(live)
    assert "<form" not in text(live)
    assert Kpi.objects.get(pk=kpi.pk).formula == ""
    plain = client.post(page_of(kpi), said(kpi, "[LATE] +", preview="page"))
    assert plain.status_code == 200
    assert "Character 9: expected a number" in text(plain)


def test_what_is_begun_in_brackets_finds_the_kpis_and_is_completed_without_javascript(client, admin):
    an_input("LATE", "4", name="Late flights")
    kpi = a_kpi("Share", code="SHARE")
    found = text(client.post(page_of(kpi), said(kpi, "2 × [LA", preview="page")))
    assert "KPIs like “LA”" in found
    assert 'name="insert" value="LATE"' in found
    inserted = client.post(page_of(kpi), said(kpi, "2 × [LA", insert="LATE"))
    assert ">\n2 × [LATE]</textarea>" in text(inserted)
    assert text(client.post(page_of(kpi), said(kpi, "", find="flights", preview="find"))).count('name="insert"') == 1


def test_a_new_kpi_sees_what_its_formula_would_come_to(client, admin):
    kpi = an_input("LATE", "4")
    path = reverse("kpis:new_calculation")
    query = {"frequency": "week", "calendar": kpi.calendar_id, "time_aggregation": "average", "missing_policy": ""}
    assert "<b>8.0</b>" in text(client.get(path, query | {"formula": "[LATE] × 2"}))
    assert "there is no KPI [GONE]" in text(client.get(path, query | {"formula": "[GONE] × 2"}))
    assert "Write a formula" in text(client.get(path, {"formula": ""}))


def test_a_value_is_explained_term_by_term(client, admin):
    late = an_input("LATE", "4", measure_unit="flights")
    an_input("FLIGHTS", "50", measure_unit="flights")
    kpi = derived("[LATE] ÷ [FLIGHTS] × 100", by=admin)
    shown = text(client.get(reverse("kpis:explained", args=[kpi.code])))
    assert "[LATE] ÷ [FLIGHTS] × 100 = <b>8.0</b>" in shown
    assert f'<a href="{reverse("kpi", args=[late.code])}">Late</a>' in shown
    assert "4.0\u202fflights" in shown
    earlier = client.get(reverse("kpis:explained", args=[kpi.code]), {"period": str(LAST.start - timedelta(weeks=1))})
    assert "an input is missing" in text(earlier)
    assert client.get(reverse("kpis:explained", args=[kpi.code]), {"period": "soon"}).status_code == 200
    opened = text(client.get(reverse("kpi", args=[kpi.code])))
    assert reverse("kpis:explained", args=[kpi.code]) in opened
    assert "What is computed from it" in text(client.get(reverse("kpi", args=[late.code])))


def test_what_may_not_be_opened_is_neither_named_nor_told_by_a_number(client, admin):
    ours = a_unit("ours", "Ours")
    an_input("OPEN", "4", unit=ours)
    an_input("SECRET", "66", name="Secret number", unit=a_unit("theirs", "Theirs"))
    kpi = derived("[OPEN] + [SECRET] × 2", by=admin, unit=ours)
    derived("[SHARE] + 1", by=admin, code="ABOVE", unit=Kpi.objects.get(code="SECRET").unit)
    reader = a_person()
    a_role(reader, Role.MEMBER, ours)
    client.force_login(reader)
    shown = text(client.get(reverse("kpis:explained", args=[kpi.code])))
    assert "[OPEN] + […] × 2" in shown
    assert shown.count("a KPI you may not open") >= 3
    for secret in ("SECRET", "Secret", "ABOVE"):
        assert secret not in shown
    # numbers are looked for in what is read: tokens of forms are random and may hold any three digits
    read = strip_tags(shown[shown.index("<main") : shown.index("</main>")])
    assert "66.0" not in read
    assert "132" not in read
    assert "SECRET" not in text(client.get(reverse("kpi", args=[kpi.code])))


def test_a_value_is_explained_as_it_was_known_by_the_formula_of_then(client, admin):
    late = an_input("LATE", "30")
    an_input("ALL", "40")
    kpi = derived("[LATE] ÷ [ALL]", by=admin)
    known = timezone.localdate()
    tomorrow = timezone.now() + timedelta(days=1)
    with patch("django.utils.timezone.now", return_value=tomorrow):
        reading = Reading(kpi_id=late.pk, period_start=LAST.start, period_end=LAST.end, value=Decimal(10))
        record_measurements(readings=[reading], origin=Origin(kind="manual", user_id=admin.pk), now=tomorrow)
        values = {"formula": "[LATE] ÷ [ALL] + 1"}
        define(
            kpi=kpi, seen=seen(kpi, SHEET), values=values, effective_from=LAST.start, reason="", breaks_series=False,
            by=admin, now=tomorrow,
        )  # fmt: skip
        derive_owed(now=tomorrow)
        path = reverse("kpis:explained", args=[kpi.code])
        client.force_login(admin)
        now = client.get(path).context["explained"]
        then = client.get(path, {"known": str(known)}).context["explained"]
        assert [(one["formula"], one["result"], one["differs"]) for one in (now, then)] == [
            ("[LATE] ÷ [ALL] + 1", "1.3", ""), ("[LATE] ÷ [ALL]", "0.8", ""),
        ]  # fmt: skip
        assert f"known={known}" in then["before"]
        shown = client.get(reverse("kpi", args=[kpi.code]), {"known": str(known)}).content.decode()
        assert f"{path}?known={known}" in shown


def test_periods_behind_a_lock_are_named_where_the_value_is_explained(client, admin):
    an_input("LATE", "4")
    kpi = derived("[LATE] × 2", by=admin)
    OwedDerivation.objects.create(kpi=kpi, period_start=LAST.start, period_end=LAST.end, waits_for_lock=True)
    assert "locked and keep their value" in text(client.get(reverse("kpis:explained", args=[kpi.code])))
