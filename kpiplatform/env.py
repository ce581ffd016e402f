"""Reading settings from the environment, loudly: a value that makes no sense stops the start with one sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


class Environment:
    """The process environment with typed look-ups; `NAME_FILE` names a file that holds the value of `NAME`."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str = "") -> str:
        """Return the value of `name`, or the content of the file that `name`_FILE points to."""
        path = self._values.get(f"{name}_FILE", "")
        if path:
            if name in self._values:
                raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one.")
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ImproperlyConfigured(f"{name}_FILE: {path} can't be read ({error.strerror}).") from error
        return self._values.get(name, default).strip()

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a yes/no setting; anything that is neither is refused."""
        raw = self.text(name, "1" if default else "0").lower()
        if raw in TRUE:
            return True
        if raw in FALSE:
            return False
        raise ImproperlyConfigured(f"{name}={raw!r} is neither yes nor no: use 1 or 0.")

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """Return a whole number between `least` and `most`."""
        raw = self.text(name, str(default))
        try:
            number = int(raw)
        except ValueError:
            raise ImproperlyConfigured(f"{name}={raw!r} is not a whole number.") from None
        if not least <= number <= most:
            raise ImproperlyConfigured(f"{name}={number} is out of range: {least} to {most}.")
        return number

    def words(self, name: str, default: str = "") -> list[str]:
        """Return a comma-separated list without empty entries."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]


def database_from(url: str) -> dict[str, object]:
    """Return Django's DATABASES entry for `postgresql://user:password@host:port/name?host=/socket/dir`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(
            "DATABASE_URL must start with postgresql://; PostgreSQL is the one supported engine."
        )
    name = parts.path.lstrip("/")
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user@host/NAME.")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    try:
        port = str(parts.port or query.pop("port", ""))
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL has a port that is not a number.") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or (parts.hostname or ""),
        "PORT": port,
        "OPTIONS": dict(query),
    }


def mailer_from(url: str) -> dict[str, object]:
    """Return Django's MAILERS entry for `smtp://user:password@host:port?tls=starttls|ssl&timeout=20`."""
    parts = urlsplit(url)
    if parts.scheme != "smtp" or not parts.hostname:
        raise ImproperlyConfigured("SMTP_URL must read smtp://user:password@host:port.")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    tls = query.get("tls", "")
    if tls not in {"", "starttls", "ssl"}:
        raise ImproperlyConfigured(f"SMTP_URL: tls={tls!r} is unknown; use starttls or ssl.")
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": parts.hostname,
            "port": parts.port or 25,
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_tls": tls == "starttls",
            "use_ssl": tls == "ssl",
            "timeout": int(query.get("timeout", "20")),
        },
    }
