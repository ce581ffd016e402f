"""Addresses of the export."""

from __future__ import annotations

from django.urls import path

from kpiplatform.dashboards.export import views

app_name = "export"
urlpatterns = [path("", views.export, name="page"), path("file/", views.export_file, name="file")]
