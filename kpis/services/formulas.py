"""What a derived KPI is computed from: rows that follow from its formula, and never lead in a circle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kpis.calculations import checked_formula, shape_of, versions_of
from kpis.domain.formula.errors import FormulaError, Problem
from kpis.domain.formula.graph import circle
from kpis.domain.formula.tree import codes
from kpis.formula_words import sentence
from kpis.models import Kpi, KpiInput, OwedDerivation
from kpis.services.refusal import Refused
from kpis.signals import derivations_owed

# Whoever changes a formula holds this until the end of the transaction, so that of two who would close a circle
# together the second sees what the first wrote.
FORMULAS = 7_361_401
LONGEST_WAY = 6  # of a circle, as it is told
# A change of these columns can make a formula misfit, and what it computes different.
SHAPE = {"frequency", "calendar_id", "time_aggregation", "ratio_factor", "measure_unit", "active_from"}
CALCULATION = {"entry", "formula", "missing_policy"}
BOUNDS = {"minimum", "maximum"}
COMPUTES = CALCULATION | SHAPE | BOUNDS


def hold_formulas() -> None:
    """Let nobody else change a formula until the transaction ends; to be called before any KPI is locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FORMULAS])


def connect_inputs(kpi: Kpi) -> None:
    """Bring the rows of what `kpi` is computed from in step with its formulas, those of past periods included.

    The caller holds the formulas. Raises FormulaError; nothing must be kept then.
    """
    current: list[int] = []
    past: set[int] = set()
    if kpi.entry == Kpi.Entry.DERIVED:
        formula = checked_formula(kpi.formula, code=kpi.code, shape=shape_of(kpi), among=_usable())
        current = _ids(codes(formula))
    for version in versions_of([kpi.pk])[kpi.pk]:
        past |= set(_ids(codes(version.formula)) if version.formula is not None else [])
    wanted = past | set(current)
    if not wanted:
        KpiInput.objects.filter(kpi=kpi).delete()
        return
    _refuse_circle(kpi, wanted)
    KpiInput.objects.filter(kpi=kpi).exclude(input__in=wanted).delete()
    KpiInput.objects.bulk_create([KpiInput(kpi=kpi, input_id=pk) for pk in sorted(wanted)], ignore_conflicts=True)
    KpiInput.objects.filter(kpi=kpi, input__in=current, is_current=False).update(is_current=True)
    KpiInput.objects.filter(kpi=kpi, is_current=True).exclude(input__in=current).update(is_current=False)


def follow_formulas(kpi: Kpi, changed: set[str], since: date) -> None:
    """Do what follows from changed columns of a definition: connect its inputs, and owe what has to be computed.

    Raises FormulaError where the KPI's own formula does not fit any more, Refused where that of another would not, or
    where a source feeds the KPI.
    """
    if changed & (CALCULATION | SHAPE):
        _refuse_if_fed(kpi)
        connect_inputs(kpi)
    if changed & COMPUTES:
        owe_from(kpi, since)
    if changed & SHAPE:
        for other in Kpi.objects.filter(inputs__input=kpi, inputs__is_current=True).select_related("calendar"):
            _refuse_if_misfit(other, kpi)
            owe_from(other, since)


def owe_from(kpi: Kpi, since: date) -> None:
    """Let the values of a derived KPI be computed for all periods that start on or after a day."""
    if kpi.entry == Kpi.Entry.DERIVED and kpi.status == Kpi.Status.ACTIVE:
        OwedDerivation.objects.create(kpi=kpi, period_start=since)
        transaction.on_commit(lambda: derivations_owed.send(sender=None), robust=True)


def refuse_to_retire_input(kpi: Kpi) -> None:
    """Raise Refused where other KPIs are computed from this one."""
    fed = Kpi.objects.filter(inputs__input=kpi, inputs__is_current=True).exclude(status=Kpi.Status.RETIRED)
    names = ", ".join(f"{other.name} [{other.code}]" for other in fed.order_by("code"))
    if names:
        words = {"name": kpi.name, "names": names}
        raise Refused(_("%(name)s stays: it is needed to compute %(names)s. Change that calculation first.") % words)


def _refuse_if_fed(kpi: Kpi) -> None:
    """A value has one origin: what a source says would be overwritten by what is computed, and the other way round."""
    mapping = getattr(kpi, "mapping", None)
    if kpi.entry == Kpi.Entry.DERIVED and mapping is not None:
        words = {"name": kpi.name, "source": mapping.source.name}
        raise Refused(
            _("%(name)s comes from “%(source)s”. Set it to “entered by hand” first, then it can be computed.") % words
        )


def _usable() -> QuerySet[Kpi]:
    return Kpi.objects.exclude(status=Kpi.Status.RETIRED)


def _ids(wanted: Iterable[str]) -> list[int]:
    return list(Kpi.objects.filter(code__in=list(wanted)).order_by("pk").values_list("pk", flat=True))


def _refuse_circle(kpi: Kpi, inputs: Iterable[int]) -> None:
    graph: dict[int, list[int]] = defaultdict(list)
    for above, below in KpiInput.objects.exclude(kpi=kpi).values_list("kpi_id", "input_id"):
        graph[above].append(below)
    way = circle(graph, kpi.pk, inputs)
    if way:
        codes_of = dict(Kpi.objects.filter(pk__in=way).values_list("pk", "code"))
        named = [f"[{codes_of[pk]}]" for pk in way]
        if len(named) > LONGEST_WAY:
            named[LONGEST_WAY // 2 : -LONGEST_WAY // 2] = ["…"]
        raise FormulaError(Problem.CYCLE, 0, text=" → ".join(named))


def _refuse_if_misfit(other: Kpi, changed: Kpi) -> None:
    try:
        checked_formula(other.formula, code=other.code, shape=shape_of(other), among=_usable())
    except FormulaError as error:
        words = {"name": other.name, "code": other.code, "why": sentence(error), "changed": changed.name}
        raise Refused(
            _("%(name)s [%(code)s] is computed from %(changed)s and could not be any more. %(why)s Nothing was saved.")
            % words
        ) from None
