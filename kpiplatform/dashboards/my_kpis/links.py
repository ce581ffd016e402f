"""Addresses on other pages that the owner's page leads to."""

from __future__ import annotations

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
