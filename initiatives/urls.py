"""The addresses of initiatives."""

from __future__ import annotations

from django.urls import path, register_converter

from initiatives.domain.status import FOLLOWING
from initiatives.views import parts, work


class StatusConverter:
    """A status in an address."""

    regex = "|".join(FOLLOWING)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return str(value)


register_converter(StatusConverter, "initiative_status")

app_name = "initiatives"
urlpatterns = [
    path("", work.initiatives, name="initiatives"),
    path("new/", work.propose, name="new"),
    path("<slug:code>/", work.initiative, name="initiative"),
    path("<slug:code>/edit/", work.edit, name="edit"),
    path("<slug:code>/to/<initiative_status:status>/", work.step, name="step"),
    path("<slug:code>/milestones/", parts.milestones, name="milestones"),
    path("<slug:code>/milestones/<int:pk>/", parts.milestone, name="milestone"),
    path("<slug:code>/impacts/", parts.impacts, name="impacts"),
    path("<slug:code>/impacts/<str:kpi>/", parts.impact, name="impact"),
    path("<slug:code>/risks/", parts.risks, name="risks"),
    path("<slug:code>/risks/<int:pk>/", parts.risk, name="risk"),
]
