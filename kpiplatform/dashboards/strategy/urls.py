"""Addresses of the pages on which administrators set up the strategy."""

from __future__ import annotations

from django.urls import path

from kpiplatform.dashboards.strategy import frame, lenses, views

app_name = "strategy"
urlpatterns = [
    path("", views.objectives, name="objectives"),
    path("new/", views.new_objective, name="new_objective"),
    path("plan/", frame.plan, name="plan"),
    path("perspectives/", lenses.perspectives, name="perspectives"),
    path("themes/", lenses.themes, name="themes"),
    path("links/new/", frame.link, name="new_link"),
    path("links/<int:pk>/", frame.link, name="link"),
    path("<slug:code>/edit/", views.objective, name="objective"),
    path("<slug:code>/judgement/", views.judgement, name="judgement"),
    path("<slug:code>/end/", views.end_objective, name="end_objective"),
]
