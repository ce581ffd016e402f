"""A small organisation, made once for all tests of this folder that only read it or roll back what they write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from tests.architecture.addresses import furnish
from tests.architecture.forms import Shown, shown_forms
from tests.architecture.people_and_things import World, make_world
from tests.made_once import made_once
from tests.unwatched import unwatched_templates


@pytest.fixture(scope="package", autouse=True)
def pages_are_drawn_plainly() -> Iterator[None]:
    """Leave out what Django's test client notes of each template and its context: nothing here asks for it."""
    with unwatched_templates():
        yield


@pytest.fixture(scope="package")
def made_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with made_once(django_db_blocker, lambda: furnish(make_world(timezone.now())).open_sessions()) as world:
        yield world


@pytest.fixture
def world(made_world: World, db: None) -> World:
    """The organisation; what a test writes is rolled back."""
    return made_world


@pytest.fixture(scope="package")
def shown(made_world: World, django_db_blocker: DjangoDbBlocker) -> list[Shown]:
    """Every form that the pages of the organisation show."""
    with django_db_blocker.unblock(), transaction.atomic():
        forms = shown_forms(made_world)
        transaction.set_rollback(True)
    return forms
