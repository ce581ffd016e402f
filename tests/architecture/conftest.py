"""A small organisation, made once for all tests of this folder that only read it or roll back what they write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import TestCase
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from tests.architecture.addresses import furnish
from tests.architecture.forms import Shown, shown_forms
from tests.architecture.people_and_things import World, make_world
from tests.unwatched import unwatched_templates


@pytest.fixture(scope="package", autouse=True)
def pages_are_drawn_plainly() -> Iterator[None]:
    """Leave out what Django's test client notes of each template and its context: nothing here asks for it."""
    with unwatched_templates():
        yield


@pytest.fixture(scope="package")
def made_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    class Made(TestCase):
        @classmethod
        def setUpTestData(cls) -> None:
            cls.world = furnish(make_world(timezone.now()))

    with django_db_blocker.unblock():
        Made.setUpClass()
        try:
            yield Made.world
        finally:
            Made.tearDownClass()
            Made.doClassCleanups()


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
