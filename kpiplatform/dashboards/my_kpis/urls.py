"""Addresses of the owner's page."""

from __future__ import annotations

from django.urls import path

from kpiplatform.dashboards.fill_in import views as fill_in
from kpiplatform.dashboards.my_kpis import approvals, views

app_name = "my"
urlpatterns = [
    path("", views.my_kpis, name="kpis"),
    path("values/", views.block, name="block"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("spreadsheet/", fill_in.start, name="fill_in"),
    path("spreadsheet/file/", fill_in.spreadsheet, name="spreadsheet"),
    path("spreadsheet/sent/<int:pk>/", fill_in.look, name="look"),
    path("<slug:code>/<str:period_start>/", views.cell, name="cell"),
]
