"""Sentences that were kept, for templates."""

from __future__ import annotations

from django import template

from kpis.domain.sentences import Sentence
from kpis.words import in_words

register = template.Library()


@register.filter
def said_in(sentence: Sentence | None, locale: str) -> str:
    """Say a sentence with its numbers and days as they are written in `locale`; nothing where there is none."""
    return in_words(sentence, locale=locale)
