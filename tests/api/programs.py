"""A program with a token, as tests send its requests."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from kpiplatform.accounts.models import User
from kpiplatform.api.models import ApiToken
from kpiplatform.api.services.tokens import give_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Asks with its token, or without one."""

    token: ApiToken | None = None
    secret: str = ""

    def headers(self, **more: str) -> dict[str, str]:
        return ({"Authorization": f"Bearer {self.secret}"} if self.secret else {}) | more

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return Client().get(f"/api/v1/{path}", query, headers=self.headers(**(headers or {})))

    def push(self, *rows: dict[str, Any], note: str = "", key: str = "", **said: Any) -> Any:
        more = {"Idempotency-Key": key} if key else {}
        body = {"measurements": list(rows), "note": note, **said}
        return Client().post(
            "/api/v1/measurements", body, content_type="application/json", headers=self.headers(**more)
        )

    def post_raw(self, body: bytes) -> Any:
        return Client().post("/api/v1/measurements", body, content_type="application/json", headers=self.headers())


def a_program(user: User, *, now: datetime | None = None, days: int = 30, **fields: Any) -> Program:
    """Give a person a token that may read and push."""
    now = now or timezone.now()
    given = give_token(
        form=uuid.uuid4(),
        user=user,
        name=fields.pop("name", "Nightly load"),
        may_read=fields.pop("may_read", True),
        may_ingest=fields.pop("may_ingest", True),
        expires_at=now + timedelta(days=days),
        now=now,
        **fields,
    )
    return Program(token=given.token, secret=given.secret)
