"""Rows that several tests start from, made once: each test's own changes are rolled back, those of all at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.test import TestCase
from pytest_django import DjangoDbBlocker


@contextmanager
def made_once[Made](blocker: DjangoDbBlocker, make: Callable[[], Made]) -> Iterator[Made]:
    """Give what `make` returns, in a transaction around those of the tests; they must not be transactional."""

    class Around(TestCase):
        made: Any

        @classmethod
        def setUpTestData(cls) -> None:
            cls.made = make()

    with blocker.unblock():
        Around.setUpClass()
        try:
            yield Around.made
        finally:
            Around.tearDownClass()
            Around.doClassCleanups()
