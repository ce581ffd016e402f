"""Grades of computed values, and grades as they were known on a past day."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis.domain.confidence import Confidence
from kpis.domain.formula.series import Span
from kpis.domain.periods import Calendar, period_of
from kpis.grades import (
    confidence_of,
    confidence_then,
    grades_in_spans,
    grades_of,
    grades_once_approved,
    grades_then,
)
from kpis.models import Kpi, KpiVersion, ProposedValue
from kpis.readings import Origin, Reading
from kpis.services.entry import enter_measurement
from kpis.services.proposing import approve
from kpis.services.recording import record_measurements
from objectives.models import Role
from tests.factories import NOW, a_person, a_role
from tests.kpis.computed import DAY, MONDAY, SINCE, WEEK, an_input, computed, say

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
SECOND = timedelta(seconds=1)


def its(kpi: Kpi) -> Confidence:
    return confidence_of([(kpi.pk, MONDAY)], today=TODAY)[kpi.pk, MONDAY]


def test_a_computed_value_has_the_grade_of_its_weakest_input() -> None:
    sent, typed = an_input("SENT", review_by=TODAY), an_input("TYPED", kind="manual")
    found = its(computed("[SENT] / [TYPED]"))
    assert found.is_computed
    assert [source.kpi_id for source in found.sources] == [typed.pk, sent.pk]
    assert found.grade == its(typed).grade > its(sent).grade


def test_all_values_count_that_a_formula_reaches_back_to() -> None:
    kpi = an_input("SENT", weeks=3)
    say(kpi, MONDAY - 2 * WEEK, 70, kind="correction", note="typing error")
    assert its(computed("[SENT]", code="ONE")).grade == its(kpi).grade
    assert its(computed("[SENT@-2]", code="BACK")).sources[0].start == MONDAY - 2 * WEEK
    assert its(computed("rolling([SENT], 3)", code="MANY")).sources[0].start == MONDAY - 2 * WEEK


def test_an_input_of_an_input_counts_and_one_without_a_value_is_left_out() -> None:
    sent, typed = an_input("SENT"), an_input("TYPED", kind="manual")
    an_input("NEVER", weeks=0)
    computed("[TYPED] × 2", code="LOWER")
    found = its(computed("coalesce([NEVER], [LOWER]) + [SENT]", code="UPPER"))
    assert {source.kpi_id for source in found.sources} == {sent.pk, typed.pk}


def test_the_formula_counts_that_computed_the_value() -> None:
    sent, typed = an_input("SENT"), an_input("TYPED", kind="manual")
    kpi = computed("[SENT]")
    sheet = {**KpiVersion.objects.get().definition, "formula": "[TYPED]"}
    KpiVersion.objects.create(
        kpi=kpi, version=2, effective_from=SINCE, definition=sheet, recorded_at=NOW, recorded_by=kpi.owner
    )
    assert [source.kpi_id for source in its(kpi).sources] == [sent.pk]
    say(kpi, MONDAY, 51, kind="derived", note="2")
    assert [source.kpi_id for source in its(kpi).sources] == [typed.pk]


def test_the_queries_do_not_grow_with_the_values() -> None:
    an_input("SENT")
    kpis = [computed("[SENT] × 2", code=f"C-{number}") for number in range(3)]
    for some in (kpis[:1], kpis):
        with CaptureQueriesContext(connection) as captured:
            assert len(grades_of({kpi.pk: MONDAY for kpi in some}, today=TODAY)) == len(some)
        assert len(captured) == 6


def test_a_grade_as_known_is_made_from_what_was_recorded_by_then_and_the_definition_of_then() -> None:
    kpi = an_input("SENT", weeks=0, review_by=None)
    sheet = {"review_by": str(TODAY), "active_from": str(SINCE), "frequency": "week"}
    KpiVersion.objects.create(
        kpi=kpi, version=1, effective_from=SINCE, definition=sheet, recorded_at=NOW - 9 * DAY, recorded_by=kpi.owner
    )
    say(kpi, MONDAY, 80, at=NOW - 5 * DAY)
    say(kpi, MONDAY, 81, at=NOW, kind="correction", note="typing error")
    key = (kpi.pk, MONDAY)

    def known(days: int) -> Confidence | None:
        at = NOW - days * DAY
        return confidence_of([key], today=at.date(), known_at=at).get(key)

    assert known(6) is None
    then, now = known(1), its(kpi)
    assert then is not None
    evidence = then.sources[0].evidence
    assert (evidence.kind, evidence.corrections, evidence.is_reviewed, evidence.present) == ("api", 0, True, 1)
    evidence = now.sources[0].evidence
    assert (evidence.kind, evidence.corrections, evidence.is_reviewed) == ("correction", 1, False)


def test_a_computed_value_as_known_is_as_weak_as_its_inputs_were_then() -> None:
    kpi = an_input("SENT", weeks=0)
    say(kpi, MONDAY, 80, at=NOW - 5 * DAY)
    derived = computed("[SENT]")
    KpiVersion.objects.exclude(kpi=derived).delete()
    at = NOW + DAY
    before = confidence_of([(derived.pk, MONDAY)], today=at.date(), known_at=at)
    say(kpi, MONDAY, 90, at=NOW + 2 * DAY, kind="correction", note="typing error")
    assert confidence_of([(derived.pk, MONDAY)], today=at.date(), known_at=at) == before
    assert its(derived).grade > before[derived.pk, MONDAY].grade


def test_a_computed_value_that_was_replaced_has_the_grade_of_what_it_was_computed_from() -> None:
    sent = an_input("SENT", weeks=0)
    an_input("OTHER")
    say(sent, MONDAY, 80, at=NOW - DAY)
    lower, upper = computed("[SENT] + [OTHER]", code="LOWER"), computed("[LOWER] × 2", code="UPPER")
    before = {kpi: its(kpi).grade for kpi in (lower, upper)}
    say(sent, MONDAY, 90, at=NOW + DAY, kind="correction", note="typing error")
    later = NOW + DAY + SECOND  # a worker computes what follows
    for kpi in (lower, upper):
        say(kpi, MONDAY, 60, at=later, kind="derived", note="1")
    found = grades_then([(kpi.pk, MONDAY, at) for kpi in before for at in (later, None)], now=later, zone=UTC)
    for kpi, grade in before.items():
        assert found[kpi.pk, MONDAY, later] == grade < found[kpi.pk, MONDAY, None]


def test_an_input_that_was_taken_back_later_still_counts_for_what_was_known_before() -> None:
    kpi = an_input("SENT", weeks=0)
    say(kpi, MONDAY, 80, at=NOW - 5 * DAY)
    derived = computed("[SENT]")
    gone = Reading(
        kpi_id=kpi.pk, period_start=MONDAY, period_end=MONDAY + WEEK, value=None, state="not_applicable", reason="none"
    )
    record_measurements(readings=[gone], origin=Origin(kind="manual", user_id=kpi.owner_id), now=NOW + 2 * DAY)
    at, key = NOW + DAY, (derived.pk, MONDAY)
    assert confidence_of([key], today=at.date(), known_at=at)[key].sources[0].kpi_id == kpi.pk
    assert key not in confidence_of([key], today=TODAY)


def test_each_version_of_a_value_has_the_grade_with_which_it_ended_in_one_query_for_all_of_them() -> None:
    kpi = an_input("SENT", weeks=0, review_by=TODAY)
    say(kpi, MONDAY, 80, at=NOW - 5 * DAY)
    say(kpi, MONDAY, 81, at=NOW - 3 * DAY)
    say(kpi, MONDAY, 82, at=NOW - DAY, kind="correction", note="typing error")
    ends = [NOW - 3 * DAY, NOW - DAY, None]
    with CaptureQueriesContext(connection) as captured:
        found = confidence_then([(kpi.pk, MONDAY, end) for end in ends], now=NOW, zone=UTC)
    assert len(captured) == 2  # of then, and of now
    (first,), (second,), (third,) = (found[kpi.pk, MONDAY, end].sources for end in ends)
    assert [(one.evidence.kind, one.evidence.corrections) for one in (first, second, third)] == [
        ("api", 0),
        ("api", 1),
        ("correction", 2),
    ]
    assert found[kpi.pk, MONDAY, None] == its(kpi)
    assert grades_then([(kpi.pk, MONDAY, NOW - 5 * DAY)], now=NOW, zone=UTC) == {}


def test_what_waits_has_the_grade_that_an_approval_makes_of_it() -> None:
    kpi = an_input("TYPED", weeks=3, kind="manual", review_by=TODAY, needs_approval=True)
    deputy, period = a_person("Noah Fields"), period_of(MONDAY, "week", Calendar())
    a_role(deputy, Role.OWNER)
    a_role(kpi.owner, Role.OWNER)
    Kpi.objects.update(deputy=deputy)
    kpi.refresh_from_db()
    empty = period_of(MONDAY - 3 * WEEK, "week", Calendar())
    for one, seq in ((period, 1), (empty, 0)):
        enter_measurement(
            kpi=kpi, period=one, expected_seq=seq, value=Decimal(79), user=deputy, now=NOW, note="counted", sure=True
        )
    keys = [(kpi.pk, one.start) for one in (period, empty)]
    expected = grades_once_approved(keys, now=NOW, today=TODAY)
    for waiting, seq in zip(ProposedValue.objects.order_by("pk"), (1, 0), strict=True):
        approve(proposed_id=waiting.pk, seq=seq, user=kpi.owner, now=NOW)
        key = (kpi.pk, waiting.period_start)
        assert confidence_of([key], today=TODAY)[key].grade == expected[key]
    assert grades_once_approved(keys, now=NOW, today=TODAY) == {}  # nothing waits any more


def test_a_term_has_the_grade_of_the_weakest_value_in_its_span() -> None:
    kpi = an_input("SENT", weeks=3)
    say(kpi, MONDAY - 2 * WEEK, 70, kind="correction", note="typing error")
    spans = {"week": Span(start=MONDAY, end=MONDAY + WEEK), "three": Span(start=MONDAY - 2 * WEEK, end=MONDAY + WEEK)}
    found = grades_in_spans({name: (kpi.pk, span) for name, span in spans.items()}, today=TODAY)
    assert found["week"] == its(kpi).grade < found["three"]
