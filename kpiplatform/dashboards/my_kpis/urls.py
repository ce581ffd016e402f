"""Addresses of the owner's page."""

from __future__ import annotations

from django.urls import path

from kpiplatform.dashboards.my_kpis import approvals, views

app_name = "my"
urlpatterns = [
    path("", views.my_kpis, name="kpis"),
    path("values/", views.block, name="block"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("<slug:code>/<str:period_start>/", views.cell, name="cell"),
]
