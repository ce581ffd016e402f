"""Addresses on other pages that the owner's page leads to."""

from __future__ import annotations

from datetime import date

from django.urls import reverse


def kpi_page(code: str) -> str:
    """Return the address of a KPI's page."""
    return reverse("kpi", args=[code])


def explain(incident_id: int) -> str:
    """Return where a band is explained, and acknowledged by the same form."""
    return f"{reverse('alerts:incident', args=[incident_id])}#answer"


def acknowledge(incident_id: int) -> str:
    """Return where an incident is acknowledged."""
    return reverse("alerts:acknowledge", args=[incident_id])


def held_pull(source: str, pull_id: int) -> str:
    """Return where a held pull is decided."""
    return reverse("configuration:pull", args=[source, pull_id])


def milestone(initiative: str, milestone_id: int) -> str:
    """Return where a milestone is ticked off."""
    return f"{reverse('initiatives:initiative', args=[initiative])}#tick-{milestone_id}"


def action(action_id: int) -> str:
    """Return the page of an action of a review."""
    return reverse("reviews:action", args=[action_id])


def tick(action_id: int) -> str:
    """Return where an action is ticked off."""
    return reverse("reviews:tick", args=[action_id])


def decision(decision_id: int) -> str:
    """Return where a decision is settled."""
    return reverse("reviews:decision", args=[decision_id])


def reopen(code: str, period_start: date) -> str:
    """Return where one asks to write into a locked period."""
    return reverse("kpis:reopen", args=[code, period_start])


def reopening(request_id: int) -> str:
    """Return where a request to reopen a period is decided."""
    return reverse("kpis:reopening", args=[request_id])
