"""All addresses of the installation."""

from __future__ import annotations

from django.urls import include, path

from kpiplatform.accounts.views import set_theme
from kpiplatform.dashboards.audit_trail.views import audit, audit_file
from kpiplatform.dashboards.configuration.overview import configuration
from kpiplatform.dashboards.configuration.setup.views import load_sample, setup, setup_sample, setup_step
from kpiplatform.dashboards.kpi_over_time.views import over_time
from kpiplatform.dashboards.kpi_page.versions import kpi_versions
from kpiplatform.dashboards.kpi_page.views import kpi
from kpiplatform.dashboards.kpi_page.views import table as kpi_table
from kpiplatform.dashboards.kpi_rows.views import rows, rows_file
from kpiplatform.dashboards.limits.views import limits
from kpiplatform.dashboards.objective_page.views import objective
from kpiplatform.dashboards.pack_file import pack_file
from kpiplatform.dashboards.restatements.views import restatements, restatements_file
from kpiplatform.dashboards.scorecard.views import home, scorecard
from kpiplatform.dashboards.search.views import search
from kpiplatform.dashboards.strategy_map.views import strategy_map
from kpiplatform.health import healthz

urlpatterns = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("scorecard/", scorecard, name="scorecard"),
    path("my/", include("kpiplatform.dashboards.my_kpis.urls")),
    path("", include("kpiplatform.dashboards.kpi_setup.urls")),
    path("kpis/<str:code>/", kpi, name="kpi"),
    path("kpis/<str:code>/over-time/", over_time, name="kpi_over_time"),
    path("kpis/<str:code>/limits/", limits, name="kpi_limits"),
    path("kpis/<str:code>/versions/", kpi_versions, name="kpi_versions"),
    path("objectives/<slug:code>/", objective, name="objective"),
    path("kpis/<str:code>/table.csv", kpi_table, name="kpi_table"),
    path("restatements/", restatements, name="restatements"),
    path("restatements.csv", restatements_file, name="restatements_file"),
    path("kpis/<str:code>/rows/<day:start>/", rows, name="kpi_rows"),
    path("kpis/<str:code>/rows/<day:start>/rows.csv", rows_file, name="kpi_rows_file"),
    path("audit/", audit, name="audit"),
    path("audit.csv", audit_file, name="audit_file"),
    path("map/", strategy_map, name="map"),
    path("units/", include("kpiplatform.dashboards.units.urls")),
    path("initiatives/", include("initiatives.urls")),
    path("search/", search, name="search"),
    path("reviews/<int:pk>/pack.json", pack_file, name="pack_file"),
    path("reviews/", include("reviews.urls")),
    path("", include("alerts.urls")),
    path("api/", include("kpiplatform.api.urls")),
    path("export/", include("kpiplatform.dashboards.export.urls")),
    path("configuration/", configuration, name="configuration"),
    path("configuration/import/", include("kpiplatform.dashboards.kpi_list.urls")),
    path("configuration/objectives/", include("kpiplatform.dashboards.strategy.urls")),
    path("configuration/", include("kpiplatform.dashboards.configuration.urls")),
    path("setup/", setup, name="setup"),
    path("setup/sample/", setup_sample, name="setup_sample"),
    path("setup/sample/load/", load_sample, name="load_sample"),
    path("setup/<slug:slug>/", setup_step, name="setup_step"),
    path("account/theme/", set_theme, name="theme"),
    path("accounts/", include("allauth.account.urls")),
]
