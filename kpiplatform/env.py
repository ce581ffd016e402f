"""Reading settings from the environment, loudly: a value that makes no sense stops the start with one sentence."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


class Environment:
    """The process environment with typed look-ups; `NAME_FILE` names a file that holds the value of `NAME`."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values
        self.asked: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        """Return the value of `name`, or the content of the file that `name`_FILE points to; empty means not set."""
        self.asked.add(name)
        value = self._values.get(name, "").strip()
        path = self._values.get(f"{name}_FILE", "").strip()
        if not path:
            return value or default
        if value:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one.")
        try:
            content = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {path} can't be read ({error.strerror}).") from error
        except UnicodeDecodeError:
            raise ImproperlyConfigured(f"{name}_FILE: {path} is not UTF-8 text.") from None
        if not content:
            raise ImproperlyConfigured(f"{name}_FILE: {path} is empty.")
        return content

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


def _parts(name: str, url: str) -> SplitResult:
    """Return the parts of `url`; a port that is no port and broken brackets are refused here."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # the port is only looked at when it is asked for
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is no valid address: {error}.") from None
    return parts


def _query(parts: SplitResult) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(parts.query).items()}


def database_from(url: str) -> dict[str, object]:
    """Return Django's DATABASES entry for `postgresql://user:password@host:port/name?host=/socket/dir`."""
    parts = _parts("DATABASE_URL", url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(
            "DATABASE_URL must start with postgresql://; PostgreSQL is the one supported engine."
        )
    name = parts.path.lstrip("/")
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user@host/NAME.")
    options = _query(parts)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or (parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        # A statement that a connection asks often is prepared: planning a page's statements takes longer than running
        # them. A pooler in between must know prepared statements (PgBouncer from 1.21 on).
        "OPTIONS": {"connect_timeout": "10", "server_side_binding": True, "prepare_threshold": 3, **options},
    }


def redis_from(url: str) -> str:
    """Return `url` if it reads redis://host:port/0, rediss://host:port/0 or unix:///path/to/socket?db=0."""
    parts = _parts("REDIS_URL", url)
    reachable = bool(parts.path) if parts.scheme == "unix" else bool(parts.hostname)
    if parts.scheme not in {"redis", "rediss", "unix"} or not reachable:
        raise ImproperlyConfigured(
            "REDIS_URL must read redis://host:port/0, rediss://… or unix:///path/to/socket?db=0."
        )
    number = _query(parts).get("db", "") if parts.scheme == "unix" else parts.path.strip("/")
    if number and not number.isdecimal():
        raise ImproperlyConfigured(f"REDIS_URL: database {number!r} is not a whole number.")
    return url


def broker_from(redis_url: str) -> str:
    """Return Celery's spelling of `redis_url`: it knows unix sockets by another scheme than every other client."""
    parts = _parts("REDIS_URL", redis_url)
    if parts.scheme != "unix":
        return redis_url
    return f"redis+socket://{parts.path}?virtual_host={_query(parts).get('db', '0')}"


def base_url_from(url: str) -> str:
    """Return the address people type, without a slash at its end: `https://kpi.example.org`."""
    parts = _parts("BASE_URL", url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.path.strip("/"):
        raise ImproperlyConfigured("BASE_URL must read https://host or http://host:port, without a path.")
    return url.rstrip("/")


def credential_keys_from(words: Sequence[str]) -> list[str]:
    """Return `words` if each is a Fernet key: 32 random bytes in URL-safe base64."""
    for place, word in enumerate(words, start=1):
        try:
            size = len(urlsafe_b64decode(word.encode()))
        except ValueError:
            size = 0
        if size != 32:
            raise ImproperlyConfigured(
                f"KPI_CREDENTIAL_KEYS: key {place} is no key. Make one with: python3 -c 'import base64, secrets; "
                "print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())'"
            )
    return list(words)


def credential_key_of(secret: str) -> str:
    """Return the Fernet key that a demo and the tests use: it follows from their secret."""
    return urlsafe_b64encode(sha256(f"credentials of sources: {secret}".encode()).digest()).decode()


def mailer_from(url: str) -> dict[str, object]:
    """Return Django's MAILERS entry for `smtp://user:password@host:port?tls=starttls|ssl&timeout=20`."""
    parts = _parts("SMTP_URL", url)
    if parts.scheme != "smtp" or not parts.hostname:
        raise ImproperlyConfigured("SMTP_URL must read smtp://user:password@host:port.")
    options = _query(parts)
    tls, timeout = options.pop("tls", ""), options.pop("timeout", "20")
    if tls not in {"", "starttls", "ssl"}:
        raise ImproperlyConfigured(f"SMTP_URL: tls={tls!r} is unknown; use starttls or ssl.")
    if not timeout.isdecimal() or not 1 <= int(timeout) <= 300:
        raise ImproperlyConfigured(f"SMTP_URL: timeout={timeout!r} must be 1 to 300 seconds.")
    if options:
        raise ImproperlyConfigured(f"SMTP_URL: {', '.join(sorted(options))} is unknown; tls and timeout are known.")
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": parts.hostname,
            "port": parts.port or {"starttls": 587, "ssl": 465}.get(tls, 25),
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_tls": tls == "starttls",
            "use_ssl": tls == "ssl",
            "timeout": int(timeout),
        },
    }
