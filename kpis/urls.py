"""Writing on the page of a KPI; the page itself is composed higher up."""

from __future__ import annotations

from datetime import date

from django.urls import path, register_converter

from kpis import views
from kpis.domain.days import is_known


class DayConverter:
    """A day in an address: 2026-11-22."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        day = date.fromisoformat(value)
        if not is_known(day):
            raise ValueError
        return day

    def to_url(self, value: date | str) -> str:
        return str(value)


register_converter(DayConverter, "day")

app_name = "kpis"
urlpatterns = [
    path("<str:code>/annotations/", views.annotate, name="annotate"),
    path("<str:code>/annotations/restore/", views.restore, name="restore_note"),
    path("<str:code>/annotations/<int:annotation_id>/", views.annotation, name="annotation"),
    path("<str:code>/annotations/<int:annotation_id>/remove/", views.remove, name="remove_note"),
    path("<str:code>/commentary/", views.comment, name="comment"),
    path("<str:code>/commentary/people/", views.nameable, name="nameable"),
    path("<str:code>/measurements/<day:period_start>/", views.correct, name="correct"),
    path("<str:code>/measurements/<day:period_start>/reopen/", views.reopen, name="reopen"),
    path("<str:code>/measurements/<day:period_start>/versions/<int:seq>/", views.bring_back, name="bring_back"),
    path("reopenings/", views.reopenings, name="reopenings"),
    path("reopenings/<int:pk>/", views.reopening, name="reopening"),
]
