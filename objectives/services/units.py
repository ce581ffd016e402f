"""The tree of units: `path` holds the codes from the root, and every change of the tree keeps it true."""

from __future__ import annotations

import re

from django.db import connection, transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext as _

from kpiplatform.audit.editing import lock_as_seen
from objectives.models import Objective, Unit
from objectives.services.refusal import Refused
from objectives.signals import unit_moved

LONGEST_PATH, LONGEST_CODE = 800, 40
# Every path of the subtree begins anew; one statement, so that no reader sees half a move.
MOVE = """
UPDATE objectives_unit SET path = %s || substr(path, %s)
WHERE path LIKE %s
"""


def add_unit(*, name: str, parent: Unit | None, code: str = "") -> Unit:
    """Return a new unit below `parent`, as the last of its siblings; without code one is made of the name."""
    with transaction.atomic():
        _lock_tree()
        root = Unit.objects.filter(parent=None).first()
        if parent is None and root is not None:
            raise Refused(_("There is one unit at the top, %(name)s. Choose a unit above.") % {"name": root.name})
        if parent is not None:
            parent = Unit.objects.get(pk=parent.pk)
            if not parent.is_active:
                raise Refused(_("%(name)s is closed: open it again first.") % {"name": parent.name})
        if Unit.objects.filter(parent=parent, name__iexact=name, is_active=True).exists():
            raise Refused(_("There is a unit called %(name)s already.") % {"name": name})
        code = code or free_code(name)
        if Unit.objects.filter(code__iexact=code).exists():
            raise Refused(_("The code %(code)s is taken.") % {"code": code})
        path = f"{parent.path if parent else '/'}{code}/"
        _refuse_long(path)
        last = Unit.objects.filter(parent=parent).aggregate(last=Max("position"))["last"]
        return Unit.objects.create(
            code=code, name=name, parent=parent, path=path, position=0 if last is None else last + 1
        )


def free_code(name: str) -> str:
    """Return a short code made of the name that no unit has."""
    base = (slugify(name) or "unit").upper()[: LONGEST_CODE - 4].strip("-") or "UNIT"
    taken = {code.upper() for code in Unit.objects.values_list("code", flat=True)}
    if base not in taken:
        return base
    return next(code for number in range(2, 1000) if (code := f"{base}-{number}") not in taken)


def edit_unit(*, unit: Unit, seen: str, name: str, parent: Unit | None) -> Unit:
    """Rename a unit and hang it below another one, with all that is below it. Raises ChangedMeanwhile or Refused."""
    with transaction.atomic():
        _lock_tree()
        locked = lock_as_seen(Unit.objects.all(), unit.pk, seen)
        if name != locked.name:
            locked.name = name
            locked.save(update_fields=["name"])
        if parent is not None and parent.pk != locked.parent_id:
            _move(locked, Unit.objects.get(pk=parent.pk))
        return Unit.objects.get(pk=unit.pk)


def _move(unit: Unit, parent: Unit) -> None:
    if unit.parent_id is None:
        raise Refused(_("%(name)s is the top of the organisation and stays there.") % {"name": unit.name})
    if parent.path.startswith(unit.path):
        raise Refused(
            _("%(parent)s lies inside %(name)s: a unit can't be below itself.")
            % {"parent": parent.name, "name": unit.name}
        )
    if not parent.is_active and unit.is_active:
        raise Refused(_("%(name)s is closed: open it again first.") % {"name": parent.name})
    path = f"{parent.path}{unit.code}/"
    below = Unit.objects.filter(path__startswith=unit.path).values_list("path", flat=True)
    for old in below:
        _refuse_long(path + old.removeprefix(unit.path))
    last = Unit.objects.filter(parent=parent).aggregate(last=Max("position"))["last"]
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [path, len(unit.path) + 1, re.sub(r"([%_\\])", r"\\\1", unit.path) + "%"])
    Unit.objects.filter(pk=unit.pk).update(parent=parent, position=0 if last is None else last + 1)
    unit_moved.send(sender=None, unit=Unit.objects.get(pk=unit.pk), before=unit.path)


def order_unit(*, unit: Unit, up: bool) -> None:
    """Change places with the sibling before or after; at the end of the row nothing happens."""
    with transaction.atomic():
        _lock_tree()
        siblings = list(Unit.objects.filter(parent_id=unit.parent_id, is_active=True).order_by("position", "name"))
        at = next((index for index, one in enumerate(siblings) if one.pk == unit.pk), None)
        if at is None:
            return
        other = at - 1 if up else at + 1
        if 0 <= other < len(siblings):
            siblings[at], siblings[other] = siblings[other], siblings[at]
        for position, one in enumerate(siblings):
            if one.position != position:
                Unit.objects.filter(pk=one.pk).update(position=position)


def close_unit(*, unit: Unit, holds: str = "") -> None:
    """Close a unit in which nothing is left. Raises Refused with what is.

    `holds` says what else the caller found in it, in the same transaction.
    """
    with transaction.atomic():
        _lock_tree()
        if unit.parent_id is None:
            raise Refused(_("%(name)s is the top of the organisation and stays open.") % {"name": unit.name})
        left = [holds] if holds else []
        if Unit.objects.filter(parent=unit, is_active=True).exists():
            left.append(_("units below it"))
        if Objective.objects.filter(unit=unit, status=Objective.Status.ACTIVE).exists():
            left.append(_("active objectives"))
        if unit.roles.filter(user__is_active=True).exists():
            left.append(_("people with a role in it"))
        if left:
            raise Refused(
                _("%(name)s is not empty: it has %(left)s. Move or end them first.")
                % {"name": unit.name, "left": ", ".join(left)}
            )
        Unit.objects.filter(pk=unit.pk).update(is_active=False)


def reopen_unit(*, unit: Unit) -> None:
    """Open a closed unit again. Raises Refused below a closed one."""
    with transaction.atomic():
        _lock_tree()
        parent = Unit.objects.get(pk=unit.pk).parent
        if parent is not None and not parent.is_active:
            raise Refused(_("%(name)s is closed: open it again first.") % {"name": parent.name})
        Unit.objects.filter(pk=unit.pk).update(is_active=True)


def _lock_tree() -> None:
    """Changes of the tree happen one after another: two moves at once could make a circle."""
    list(Unit.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def _refuse_long(path: str) -> None:
    if len(path) > LONGEST_PATH:
        raise Refused(_("That would be too deep: the codes from the top on have 800 characters at most."))
