"""Drawing pages without what Django's test client notes of each template: a copy of its whole context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.template import Context
from django.template.base import PartialTemplate, Template


def _drawn(self: Template, context: Context) -> str:
    return self.nodelist.render(context)


@contextmanager
def unwatched_templates() -> Iterator[None]:
    """Let responses have no `context` and no `templates`; pages are drawn in two thirds of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (Template, PartialTemplate):
            patch.setattr(kind, "_render", _drawn)
        yield
