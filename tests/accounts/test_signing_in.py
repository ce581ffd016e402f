"""Signing in: too many attempts are counted by the whole installation, not by each of its processes."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.core.cache.backends.db import DatabaseCache
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.factories import a_person

pytestmark = pytest.mark.django_db


def test_after_too_many_wrong_passwords_the_right_one_is_refused_for_a_while(client: Client) -> None:
    person = a_person(password="harbor-airports")
    wrong = {"login": person.email, "password": "not-this-one"}
    for _ in range(10):
        client.post(reverse("account_login"), wrong)
    client.post(reverse("account_login"), wrong | {"password": "harbor-airports"})
    assert "_auth_user_id" not in client.session


def test_attempts_are_counted_where_every_process_reads_them(client: Client) -> None:
    assert isinstance(cache._connections[cache._alias], DatabaseCache)
    client.post(reverse("account_login"), {"login": "nobody@example.com", "password": "not-this-one"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM shared_cache")
        assert cursor.fetchone() != (0,)
