"""What nobody types but somebody sends is refused or left aside, never a fault of ours.

In the suite every form is sent once with each odd text in all its fields. With `--thorough` the fields take turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import transaction
from django.test import Client

from tests.architecture.addresses import AREAS
from tests.architecture.forms import Shown, shown_forms
from tests.architecture.people_and_things import World

AT_ONCE = ("a\0b", "9999-12-31")
IN_TURN = (
    *("", "\0", "0", "-1", "9" * 30, "1e400", "NaN", "-0", "1.123456789123456789", "1,5,5", "\u0663", "\u00bd"),
    *("0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-W60", "2026-13", "00:00", "1900-01-01"),
    *(
        "x" * 5000,
        "\U0001d54f" * 40,
        "\u202e",
        "' OR 1=1 --",
        "<script>",
        "%s",
        "{{ 1 }}",
        "[]",
        "null",
        "a,b",
        "/",
        "..",
    ),
)
CHOICES = ("known", "week", "from", "to", "confidence", "period", "before", "after", "range", "freq", "q", "view")


@pytest.fixture
def faults(client: Client) -> list[str]:
    client.raise_request_exception = False
    return []


def odd(form: Shown, is_thorough: bool) -> Iterator[dict[str, list[str]]]:
    """Return what is sent instead of what the form holds."""
    names = [name for name in form.data if name != "csrfmiddlewaretoken"]
    for text in AT_ONCE:
        yield form.data | {name: [text] for name in names}
    if is_thorough:
        for name in names:
            for text in IN_TURN:
                yield form.data | {name: [text]}


@pytest.mark.django_db
def test_no_form_fails_on_what_it_does_not_know(
    world: World, client: Client, faults: list[str], request: pytest.FixtureRequest
) -> None:
    is_thorough, sent = bool(request.config.getoption("--thorough")), set()
    for form in shown_forms(world):
        key = (form.name, *sorted(form.data))
        if key in sent or form.name == "account_logout":
            continue
        sent.add(key)
        for data in odd(form, is_thorough):
            world.seat(client, form.role)
            with transaction.atomic():
                if client.post(form.path, data).status_code >= 500:
                    faults.append(f"{form.path} {data}"[:300])
                transaction.set_rollback(True)
    assert len(sent) > 80
    assert faults == []


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["0001-01-01", "-1"])
def test_no_page_fails_on_a_choice_that_it_does_not_know(
    world: World, client: Client, faults: list[str], text: str
) -> None:
    asked, pages = urlencode(dict.fromkeys(CHOICES, text)), set()
    for area in AREAS:
        for _, role, page in getattr(area, "pages", lambda world: ())(world):
            path = urlsplit(page).path
            if path not in pages:
                pages.add(path)
                world.seat(client, role)
                if client.get(f"{path}?{asked}").status_code >= 500:
                    faults.append(path)
    assert len(pages) > 60
    assert faults == []
