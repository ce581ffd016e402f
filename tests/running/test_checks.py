"""The checks of the installation find what single settings can't show."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from kpiplatform import checks


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def test_a_public_host_needs_a_secret_of_its_own(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.SECRET_KEY = ["localhost", "kpi.example.org"], settings.DEFAULT_SECRET
    assert ids(checks.public_hosts_need_a_secret()) == ["kpiplatform.E001"]
    settings.SECRET_KEY = "one of its own"
    assert ids(checks.public_hosts_need_a_secret()) == []
    settings.ALLOWED_HOSTS, settings.SECRET_KEY = ["localhost"], settings.DEFAULT_SECRET
    assert ids(checks.public_hosts_need_a_secret()) == []


@pytest.mark.parametrize(
    ("base_url", "hosts", "found"),
    [
        ("https://kpi.example.org", ["kpi.example.org"], []),
        ("https://kpi.example.org", [".example.org"], []),
        ("http://[::1]:8000", ["[::1]"], []),
        ("https://kpi.example.org", ["other.example.org"], ["kpiplatform.E002"]),
    ],
)
def test_links_in_mails_lead_to_a_host_that_answers(
    settings: Settings, base_url: str, hosts: list[str], found: list[str]
) -> None:
    settings.BASE_URL, settings.ALLOWED_HOSTS = base_url, hosts
    assert ids(checks.base_url_is_served()) == found


@pytest.mark.parametrize(
    ("https", "behind_proxy", "found"),
    [(True, True, []), (False, False, ["kpiplatform.W001"]), (True, False, ["kpiplatform.W002"])],
)
def test_sign_in_is_encrypted(settings: Settings, https: bool, behind_proxy: bool, found: list[str]) -> None:
    settings.HTTPS, settings.BEHIND_PROXY = https, behind_proxy
    assert ids(checks.people_sign_in_encrypted()) == found


def test_a_misspelled_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPI_TICK_SECOND", "5")
    monkeypatch.setenv("KPI_TICK_SECONDS_FILE", "/run/secrets/tick")
    said = [message.msg for message in checks.settings_are_spelled_right()]
    assert said == ["KPI_TICK_SECOND is set, but no such setting exists."]
