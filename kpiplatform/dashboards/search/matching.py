"""How a name fits what somebody typed: every word in it, whatever its accents and capitals, best fits first."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, F, Func, IntegerField, Model, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Concat

LONGEST, MOST_WORDS = 80, 6
FIRST_MARK, LAST_MARK = "\u0300", "\u036f"  # combining accents


class Folded(Func):
    """A text in small letters without accents, so that “kovac” finds Kovač. PostgreSQL does it without an extension."""

    function = "lower"
    template = r"lower(regexp_replace(normalize(%(expressions)s, NFKD), '[\u0300-\u036f]', '', 'g'))"
    output_field = TextField()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody typed, folded: the whole and its words."""

    typed: str
    words: tuple[str, ...]

    @property
    def whole(self) -> str:
        return " ".join(self.words)


def asked(typed: str) -> Asked:
    """Return what was typed in the form in which it is compared; overlong queries are cut."""
    typed = " ".join(typed.replace("\x00", "").split())[:LONGEST]
    apart = unicodedata.normalize("NFKD", typed)
    plain = "".join(letter for letter in apart if not FIRST_MARK <= letter <= LAST_MARK).lower()
    return Asked(typed=typed, words=tuple(plain.split()[:MOST_WORDS]))


def fitting[Row: Model](rows: QuerySet[Row], wanted: Asked, *, name: str, also: Sequence[str] = ()) -> QuerySet[Row]:
    """Return the rows that have every word in their name or in the fields `also`, best first.

    A name that begins with what was typed comes before one with a word that does, before one that only holds it,
    before rows that fit by their other fields.
    """
    fields = [part for field in (name, *also) for part in (Value(" "), F(field))]
    text = Folded(Concat(*fields, output_field=TextField())) if also else Folded(Concat(Value(" "), F(name)))
    found = rows.alias(found_name=Folded(F(name)), found_text=text)
    for word in wanted.words:
        found = found.filter(found_text__contains=word)
    in_name = Q()
    for word in wanted.words:
        in_name &= Q(found_name__contains=word)
    rank = Case(
        *(When(Q(**{f"{field}__iexact": wanted.typed}), then=0) for field in also if field == "code"),
        When(found_name__startswith=wanted.whole, then=1),
        When(found_name__contains=f" {wanted.whole}", then=2),
        When(in_name, then=3),
        default=4,
        output_field=IntegerField(),
    )
    return found.annotate(rank=rank).order_by("rank", name)
