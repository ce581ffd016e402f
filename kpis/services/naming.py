"""Who is named in what somebody writes about a KPI, and who of them may read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kpiplatform.accounts.models import User
from kpis.domain.mentions import Nameable, names_somebody, read_mentions
from kpis.models import Kpi
from kpis.queries import kpis_visible_to
from objectives.queries import colleagues_of

MOST = 20  # people told of one text


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The texts as they are stored, who is told, and who may not open the KPI and therefore is not."""

    texts: tuple[str, ...]
    told: Sequence[User]
    not_told: Sequence[User]


def people_named(*texts: str, kpi: Kpi, author: User, today: date) -> Named:
    """Return whom the texts name among the colleagues of `author`."""
    if not any(names_somebody(text) for text in texts):
        return Named(texts=texts, told=(), not_told=())
    colleagues = {person.pk: person for person in colleagues_of(author, today=today)}
    nameable = [Nameable(pk=one.pk, name=one.name, email=one.email) for one in colleagues.values()]
    read = [read_mentions(text, nameable) for text in texts]
    named = sorted(frozenset[int]().union(*(one.named for one in read)))[:MOST]
    told = [colleagues[pk] for pk in named if _sees(colleagues[pk], kpi, today)]
    return Named(
        texts=tuple(one.text for one in read),
        told=told,
        not_told=[colleagues[pk] for pk in named if colleagues[pk] not in told],
    )


def people_to_name(*, kpi: Kpi, author: User, start: str, today: date, count: int = 6) -> list[User]:
    """Return colleagues who may open the KPI and whose name or address begins so, for a list to choose from."""
    start = start.strip()
    found = colleagues_of(author, today=today).exclude(pk=author.pk).order_by("name")
    if start:
        found = found.filter(name__icontains=start) | found.filter(email__istartswith=start)
    return [person for person in found[: count * 2] if _sees(person, kpi, today)][:count]


def _sees(person: User, kpi: Kpi, today: date) -> bool:
    return kpis_visible_to(person, today=today).filter(pk=kpi.pk).exists()
