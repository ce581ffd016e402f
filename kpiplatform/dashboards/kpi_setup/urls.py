"""Addresses of KPIs: those of the app, and those on which administrators set them up."""

from __future__ import annotations

from django.urls import include, path

from kpiplatform.dashboards.calculation import views as calculation
from kpiplatform.dashboards.kpi_new import views as steps
from kpiplatform.dashboards.kpi_setup import cadence, views
from kpis.urls import urlpatterns as of_the_app

app_name = "kpis"
urlpatterns = [
    path("configuration/kpis/", views.configure, name="configure"),
    path("configuration/kpis/named/", views.named_kpis, name="named"),
    path("kpis/new/", steps.begin, name="new"),
    path("kpis/new/dates/", cadence.dates_of_forum, name="new_dates"),
    path("kpis/new/calculation/", calculation.of_a_new_kpi, name="new_calculation"),
    path("kpis/new/<int:pk>/summary/", steps.summary, name="new_summary"),
    path("kpis/new/<int:pk>/drop/", steps.drop, name="new_drop"),
    path("kpis/new/<int:pk>/<slug:key>/", steps.step, name="new_step"),
    path("kpis/<str:code>/definition/", views.definition, name="definition"),
    path("kpis/<str:code>/calculation/", calculation.calculation, name="calculation"),
    path("kpis/<str:code>/explained/", calculation.explained, name="explained"),
    path("kpis/<str:code>/owner/", views.people, name="owner"),
    path("kpis/<str:code>/cadence/", cadence.cadence, name="cadence"),
    path("kpis/<str:code>/life/", views.life, name="life"),
    path("kpis/<str:code>/weight/", views.weight, name="weight"),
    path("kpis/", include(of_the_app)),
]
