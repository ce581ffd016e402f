"""A sentence in a column: stored as its text and parts, given back as what makes words of it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from kpis.domain.sentences import Sentence


class SentenceField(models.JSONField):
    """Holds a Sentence, or nothing."""

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Sentence | None:
        data = super().from_db_value(value, expression, connection)
        return None if data is None else Sentence.stored(data)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        data = value.to_store() if isinstance(value, Sentence) else value
        return super().get_db_prep_value(data, connection, prepared)
