"""What the frame of every page says: that the clock is silent."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.urls import reverse
from django.utils import timezone

from kpis import tasks
from kpis.models import Clock
from objectives.models import Role
from tests.factories import a_person, a_role

pytestmark = pytest.mark.django_db
SILENT = "no worker has asked what is due"


@pytest.fixture
def reader(client, request):
    person = a_person("Grace Lindholm")
    a_role(person, request.param)
    client.force_login(person)
    return person


def what_a_page_says_in(client, **later: int) -> str:
    with patch("django.utils.timezone.now", return_value=timezone.now() + timedelta(**later)):
        return client.get(reverse("my:kpis")).content.decode()


@pytest.mark.parametrize("reader", [Role.ADMIN], indirect=True)
def test_a_silent_clock_is_told_to_administrators_until_it_is_heard_again(client, reader):
    tasks.tick()
    assert SILENT not in what_a_page_says_in(client, minutes=4)
    assert SILENT in what_a_page_says_in(client, minutes=6)
    Clock.objects.update(heard_at=timezone.now() - timedelta(days=1))
    assert SILENT in what_a_page_says_in(client)
    tasks.tick()
    assert SILENT not in what_a_page_says_in(client)
    assert Clock.objects.count() == 1


@pytest.mark.parametrize("reader", [Role.OWNER, Role.EXECUTIVE], indirect=True)
def test_others_read_nothing_of_it(client, reader):
    tasks.tick()
    assert SILENT not in what_a_page_says_in(client, minutes=6)
