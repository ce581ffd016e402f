"""The beginning: the first units, the first plan with its perspectives, the first objective."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpiplatform.accounts.services import lock_active
from objectives.models import Objective, Organisation, Perspective, Role, RoleAssignment, StrategyPlan, Unit
from objectives.services.refusal import Refused
from objectives.services.units import add_unit, free_code


def found_units(*, lines: Sequence[tuple[int, str]], by: User) -> Unit:
    """Return the unit at the top, made with the organisation's name, and hang (depth, name) below it.

    `by` is an administrator of it from now on. Units that are there already are left alone.
    """
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get()
        root = Unit.objects.filter(parent=None).first()
        if root is None:
            root = add_unit(name=organisation.name, parent=None, code=free_code(organisation.name))
        line: list[Unit] = [root]
        for depth, name in lines:
            del line[min(depth, len(line) - 1) + 1 :]
            known = Unit.objects.filter(parent=line[-1], name__iexact=name).first()
            line.append(known or add_unit(name=name, parent=line[-1]))
        RoleAssignment.objects.get_or_create(user=by, unit=root, role=Role.ADMIN)
    return root


def first_objective(
    *, name: str, owner: User, perspective: str, perspectives: Sequence[str], plan: str, starts_on: date, ends_on: date
) -> Objective:
    """Return the objective in the running plan; without one, a plan with these perspectives begins.

    `perspective` is the name of one of them. The same name again returns the objective that is there.
    """
    if ends_on <= starts_on:
        raise Refused(_("The plan ends before it begins."))
    with transaction.atomic():
        Organisation.objects.select_for_update().get()
        lock_active(owner)
        running = StrategyPlan.objects.filter(is_active=True).first()
        if running is None:
            running = StrategyPlan.objects.create(
                code=_free_plan_code(plan), name=plan, starts_on=starts_on, ends_on=ends_on
            )
        if not running.perspectives.exists():
            Perspective.objects.bulk_create(
                Perspective(plan=running, code=slugify(one) or f"perspective-{place}", name=one, position=place)
                for place, one in enumerate(perspectives, start=1)
            )
        lens = running.perspectives.filter(name=perspective).first() or running.perspectives.first()
        assert lens is not None
        known = Objective.objects.filter(plan=running, name__iexact=name).first()
        return known or Objective.objects.create(
            plan=running,
            perspective=lens,
            unit=Unit.objects.get(parent=None),
            owner=owner,
            name=name,
            code=_free_objective_code(name),
            position=Objective.objects.filter(plan=running).count() + 1,
        )


def _free_plan_code(name: str) -> str:
    base = (slugify(name) or "plan")[:36].strip("-")
    taken = set(StrategyPlan.objects.values_list("code", flat=True))
    return next(code for code in (base, *(f"{base}-{n}" for n in range(2, 1000))) if code not in taken)


def _free_objective_code(name: str) -> str:
    base = (slugify(name) or "objective")[:36].strip("-")
    taken = set(Objective.objects.values_list("code", flat=True))
    return next(code for code in (base, *(f"{base}-{n}" for n in range(2, 1000))) if code not in taken)
