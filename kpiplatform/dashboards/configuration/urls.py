"""Addresses of the pages on which administrators set up the organisation."""

from __future__ import annotations

from django.urls import path

from kpiplatform.dashboards.configuration import access, values
from kpiplatform.dashboards.configuration.calendars import views as calendars
from kpiplatform.dashboards.configuration.people import leaving
from kpiplatform.dashboards.configuration.people import views as people
from kpiplatform.dashboards.configuration.sources import pull_views, rules
from kpiplatform.dashboards.configuration.sources import views as sources
from kpiplatform.dashboards.configuration.units import views as units
from kpiplatform.dashboards.source_wizard import views as wizard

app_name = "configuration"
urlpatterns = [
    path("people/", people.people_list, name="people"),
    path("people/invite/", people.invite_person, name="invite"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/roles/", people.add_role, name="add_role"),
    path("people/<int:pk>/roles/<int:role>/end/", people.drop_role, name="drop_role"),
    path("people/<int:pk>/invitation/", people.invite_again, name="invite_again"),
    path("people/<int:pk>/leave/", leaving.leave, name="leave"),
    path("people/<int:pk>/hand-over/", leaving.give, name="give"),
    path("people/<int:pk>/return/", leaving.come_back, name="come_back"),
    path("access/", access.access, name="access"),
    path("access/kpis/<str:code>/", access.kpi_access, name="kpi_access"),
    path("access/objectives/<slug:code>/", access.objective_access, name="objective_access"),
    path("organisation/", units.edit, name="organisation"),
    path("values/", values.rules, name="entry_rules"),
    path("units/", units.units, name="units"),
    path("units/<slug:code>/", units.unit, name="unit"),
    path("units/<slug:code>/order/", units.order, name="unit_order"),
    path("units/<slug:code>/close/", units.close, name="unit_close"),
    path("calendars/", calendars.calendar_list, name="calendars"),
    path("calendars/new/", calendars.new_calendar, name="new_calendar"),
    path("calendars/<int:pk>/", calendars.calendar, name="calendar"),
    path("calendars/<int:pk>/preview/", calendars.preview, name="calendar_preview"),
    path("calendars/<int:pk>/default/", calendars.default, name="calendar_default"),
    path("calendars/<int:pk>/holidays/", calendars.holidays, name="holidays"),
    path("calendars/<int:pk>/units/", calendars.followers, name="calendar_units"),
    path("calendars/<int:pk>/lock/", calendars.lock, name="lock"),
    path("sources/", sources.source_list, name="sources"),
    path("sources/new/", wizard.begin, name="new_source"),
    path("sources/<slug:code>/access/", wizard.access, name="source_access"),
    path("sources/<slug:code>/rows/", wizard.reading, name="source_reading"),
    path("sources/<slug:code>/figures/", wizard.figures, name="source_figures"),
    path("sources/<slug:code>/figures/<int:place>/", wizard.figure, name="source_figure"),
    path("sources/<slug:code>/values/", wizard.tried, name="source_values"),
    path("sources/<slug:code>/", sources.source, name="source"),
    path("sources/<slug:code>/pull/", sources.pull_now, name="pull_now"),
    path("sources/<slug:code>/pull/again/", sources.pull_again, name="pull_again"),
    path("sources/<slug:code>/pulls/", sources.pulls, name="pulls"),
    path("sources/<slug:code>/history/", sources.history, name="pull_history"),
    path("sources/<slug:code>/pulls/<int:pk>/", pull_views.pull, name="pull"),
    path("sources/<slug:code>/pulls/<int:pk>/refused.csv", pull_views.refusals, name="pull_refusals"),
    path("sources/<slug:code>/pulls/<int:pk>/changes.csv", pull_views.pull_changes, name="pull_changes"),
    path("sources/<slug:code>/agreement/", rules.agreement, name="agreement"),
    path("sources/<slug:code>/rules/new/<slug:kind>/", rules.new_rule, name="new_rule"),
    path("sources/<slug:code>/rules/<int:pk>/", rules.rule, name="rule"),
]
