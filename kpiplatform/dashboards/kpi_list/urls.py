"""Addresses of the import of a list of KPIs."""

from __future__ import annotations

from django.urls import path

from kpiplatform.dashboards.kpi_list import views

app_name = "kpi_list"
urlpatterns = [
    path("", views.send, name="send"),
    path("present/", views.present, name="present"),
    path("<int:pk>/", views.read, name="read"),
]
