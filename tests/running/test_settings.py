"""Settings come from the environment and are loud on nonsense."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from kpiplatform import checks
from tests.running.starting import CHECKOUT, clean_environment

SECRET = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG"
GOOD = {"SECRET_KEY": SECRET, "ALLOWED_HOSTS": "kpi.example.org", "BASE_URL": "https://kpi.example.org"}


def settings_with(monkeypatch: pytest.MonkeyPatch, **settings: str) -> dict[str, object]:
    """Return the settings that Django would see with only `settings` in the environment."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(CHECKOUT / "kpiplatform" / "settings.py"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"KPI_ENV": "staging"}, "KPI_ENV='staging' is unknown"),
        ({"KPI_DEBUG": "maybe"}, "KPI_DEBUG='maybe' is neither yes nor no"),
        ({"KPI_BEHIND_PROXY": "2"}, "KPI_BEHIND_PROXY='2' is neither yes nor no"),
        ({"PORT": "http"}, "PORT='http' is not a whole number"),
        ({"PORT": "70000"}, "PORT=70000 is out of range"),
        ({"KPI_TICK_SECONDS": "0"}, "KPI_TICK_SECONDS=0 is out of range"),
        ({"DATABASE_CONN_MAX_AGE": "-1"}, "DATABASE_CONN_MAX_AGE=-1 is out of range"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL='LOUD' is unknown"),
        ({"BASE_URL": "kpi.example.org"}, "BASE_URL must read https://host"),
        ({"BASE_URL": "https://kpi.example.org/kpi"}, "BASE_URL must read https://host"),
        ({"BASE_URL": "http://localhost:port"}, "BASE_URL is no valid address"),
        ({"DATABASE_URL": "sqlite:///db"}, "DATABASE_URL must start with postgresql://"),
        ({"DATABASE_URL": "postgresql://kpi@db"}, "DATABASE_URL names no database"),
        ({"DATABASE_URL": "postgresql://kpi@db:five/kpi"}, "DATABASE_URL is no valid address"),
        ({"REDIS_URL": "http://localhost"}, "REDIS_URL must read redis://"),
        ({"REDIS_URL": "unix://"}, "REDIS_URL must read redis://"),
        ({"REDIS_URL": "redis://localhost/first"}, "REDIS_URL: database 'first' is not a whole number"),
        ({"SMTP_URL": "mail.example.org"}, "SMTP_URL must read smtp://"),
        ({"SMTP_URL": "smtp://mail.example.org?tls=yes"}, "tls='yes' is unknown"),
        ({"SMTP_URL": "smtp://mail.example.org?timeout=soon"}, "timeout='soon' must be 1 to 300 seconds"),
        ({"SMTP_URL": "smtp://mail.example.org?tsl=ssl"}, "tsl is unknown"),
        (
            {"SECRET_KEY_FILE": "/nonexistent"},
            "SECRET_KEY_FILE: /nonexistent can't be read (No such file or directory)",
        ),
        ({"SECRET_KEY_FILE": "/etc"}, "SECRET_KEY_FILE: /etc can't be read (Is a directory)"),
        ({"SECRET_KEY_FILE": "/dev/null"}, "SECRET_KEY_FILE: /dev/null is empty"),
        ({"SECRET_KEY": SECRET, "SECRET_KEY_FILE": "/etc/hostname"}, "SECRET_KEY and SECRET_KEY_FILE are both set"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings_with(monkeypatch, **{"KPI_ENV": "demo", **settings})
    assert sentence in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": "only-for-the-demo-and-the-tests-never-in-production"}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": "short"}, "at least 32 characters"),
        ({"KPI_DEBUG": "1"}, "KPI_DEBUG=1 is refused in production"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must name"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name"),
    ],
)
def test_production_refuses_what_is_unsafe(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        settings_with(monkeypatch, **{**GOOD, **settings})


def test_production_is_what_an_unconfigured_installation_is_and_it_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=CHECKOUT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "SECRET_KEY must be set to a secret of at least 32 characters in production." in done.stderr


def test_production_over_https_sends_cookies_and_people_by_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch, **GOOD, KPI_BEHIND_PROXY="1")
    assert settings["SESSION_COOKIE_SECURE"] is True
    assert settings["CSRF_COOKIE_SECURE"] is True
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://kpi.example.org"]
    assert settings["DEBUG"] is False


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "password").write_text("p@ss/word\n")
    files = {"SECRET_KEY_FILE": str(tmp_path / "secret"), "DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    settings = settings_with(monkeypatch, **{**GOOD, "SECRET_KEY": "", **files})
    assert settings["SECRET_KEY"] == SECRET
    assert settings["DATABASES"]["default"]["PASSWORD"] == "p@ss/word"


def test_addresses_of_servers_are_read_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(
        monkeypatch,
        KPI_ENV="test",
        DATABASE_URL="postgresql://kpi:p%40ss@/plans?host=/run/kpi%20data&sslmode=disable",
        REDIS_URL="unix:///run/kpi/valkey.sock?db=3",
        SMTP_URL="smtp://me:p%40ss@mail.example.org?tls=starttls",
    )
    database, mailer = settings["DATABASES"]["default"], settings["MAILERS"]["default"]["OPTIONS"]
    assert (database["USER"], database["PASSWORD"], database["NAME"]) == ("kpi", "p@ss", "plans")
    assert database["HOST"] == "/run/kpi data"
    assert database["OPTIONS"]["connect_timeout"] == "10"
    assert database["OPTIONS"]["sslmode"] == "disable"
    assert settings["CELERY_BROKER_URL"] == "redis+socket:///run/kpi/valkey.sock?virtual_host=3"
    assert (mailer["password"], mailer["port"], mailer["use_tls"], mailer["use_ssl"]) == ("p@ss", 587, True, False)


def test_an_empty_setting_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch, KPI_ENV="demo", LOG_LEVEL="", PORT=" ", REDIS_URL="")
    assert settings["LOG_LEVEL"] == "INFO"
    assert settings["BASE_URL"] == "http://localhost:8000"


def test_every_setting_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    names = settings_with(monkeypatch, KPI_ENV="test")["SETTING_NAMES"] | checks.OUTSIDE_SETTINGS
    assert [name for name in sorted(names) if f"\n| `{name}` |" not in page] == []
