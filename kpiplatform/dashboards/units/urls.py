"""The addresses of units."""

from __future__ import annotations

from django.urls import path

from kpiplatform.dashboards.units import views

urlpatterns = [
    path("", views.units, name="units"),
    path("<slug:code>/", views.unit, name="unit"),
    path("<slug:code>/bowler/", views.bowler, name="unit_bowler"),
]
