"""A mail that was given up is loud: a banner for its recipient and for administrators."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.models import Delivery, Message
from objectives.models import Role
from tests.factories import a_kpi, a_person, a_role

pytestmark = pytest.mark.django_db


def a_dead_mail(kpi, days_ago: int = 1) -> Delivery:
    now = timezone.now()
    message = Message.objects.create(dedup_key=f"worse|{kpi.pk}", kind="worse", kpi=kpi, facts={}, created_at=now)
    return Delivery.objects.create(
        message=message,
        recipient=kpi.owner,
        state="dead",
        reply="550 no such mailbox",
        next_attempt_at=now,
        created_at=now,
        finished_at=now - timedelta(days=days_ago),
    )


def seen_by(client, person) -> str:
    client.force_login(person)
    return client.get(reverse("my:kpis")).content.decode()


def test_the_recipient_and_admins_see_it_and_nobody_else(client):
    kpi = a_kpi("On-time arrivals")
    a_dead_mail(kpi)
    admin, manager = a_person("Grace Lindholm"), a_person("Sofia Marin")
    a_role(admin, Role.ADMIN)
    a_role(manager, Role.MANAGER)
    for person in (kpi.owner, admin):
        text = seen_by(client, person)
        assert "A mail to Ana Kovač could not be delivered" in text
        assert "550 no such mailbox" in text
    assert "could not be delivered" not in seen_by(client, manager)


def test_after_a_week_it_is_no_news_any_more(client):
    kpi = a_kpi()
    a_dead_mail(kpi, days_ago=8)
    assert "could not be delivered" not in seen_by(client, kpi.owner)
