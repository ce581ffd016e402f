"""Going through the pages that connect a source, as a browser would."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from tests.architecture.forms import forms_of


def form_of(client: Client, path: str) -> dict[str, Any]:
    """Return what a browser would send of the last form on a page."""
    text = client.get(path).content.decode().split("<main", 1)[1]
    return {name: values[-1] for name, values in forms_of(text)[-1].data.items()}


def send(client: Client, path: str, /, **said: str) -> str:
    """Fill in the form of a page and return where it leads; a refusal fails with its sentences."""
    response = client.post(path, form_of(client, path) | said)
    said_back = re.findall(r"error-summary.*?</div>", response.content.decode(), re.DOTALL)
    assert response.status_code == 303, said_back
    return response["Location"]
