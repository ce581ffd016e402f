"""Causal links in words: sign, lag and what the data say of them."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpiplatform.dashboards.as_known import NOW, AsKnown
from objectives.models import CausalLink

LINES = {"supported": "supported", "contradicted": "contra", "cannot_tell": "cannot", "untested": "untested"}
PLUS, MINUS = "+", "\u2212"


def hypothesis(link: CausalLink, other: Any, known: AsKnown = NOW) -> dict[str, Any]:
    """Return a link as one card of it tells it; `other` is the objective at its other end, to which it leads."""
    state = getattr(other, "state", None)
    return {
        "pk": link.pk,
        "url": reverse("objective", args=[other.code]) + known.query,
        "name": other.name,
        "band": state.band if state else "",
        "rationale": link.rationale,
        "sign_and_lag": short_words(link),
        "evidence": link.get_evidence_display(),
        "line": LINES[link.evidence],
    }


def short_words(link: CausalLink) -> str:
    """Say sign and lag, like “+, within 7 days”."""
    return f"{PLUS if link.sign > 0 else MINUS}, {lag_words(link)}"


def lag_words(link: CausalLink) -> str:
    """Say after how long the effect is expected, like “within 7 days” or “4 to 12 weeks later”."""
    first, last = link.lag_from_days, link.lag_to_days
    if last == 0:
        return _("at once")
    if first == 0:
        return _("within %(days)s") % {"days": days(last)}
    if first >= 14 and first % 7 == last % 7 == 0:
        return _("%(first)d to %(last)d weeks later") % {"first": first // 7, "last": last // 7}
    return _("%(first)d to %(last)d days later") % {"first": first, "last": last}


def days(count: int) -> str:
    """Like “6 days”, in weeks from two on."""
    if count >= 14:
        return ngettext("%(count)d week", "%(count)d weeks", count // 7) % {"count": count // 7}
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}
