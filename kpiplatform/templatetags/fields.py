"""What a label says of its field."""

from __future__ import annotations

from django import template
from django.forms import BoundField, ChoiceField, ModelChoiceField

register = template.Library()


@register.filter
def may_stay_empty(field: BoundField) -> bool:
    """Return whether to say that a field is optional.

    It is not where it is required, also if only by what else is chosen, nor where a choice always holds an answer.
    """
    asked = field.field
    if asked.required or getattr(asked, "is_needed", False):
        return False
    if isinstance(asked, ModelChoiceField):
        return asked.empty_label is not None
    return not isinstance(asked, ChoiceField) or any(value in ("", None) for value, _words in asked.choices)
