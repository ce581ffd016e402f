"""What people write, with a little formatting."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.safestring import SafeString, mark_safe

from kpis.domain.rich_text import to_html

register = template.Library()


@register.filter
def rich_text(text: str, mentioned: Sequence[str] = ()) -> SafeString:
    """Show what somebody wrote: Markdown of a short list, links out, the names of those who were called by @."""
    return mark_safe(to_html(text, mentioned))
