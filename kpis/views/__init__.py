"""Pages of one KPI and of all KPIs as a whole; the page of a KPI itself is composed higher up."""

from kpis.views.annotations import annotate, annotation, remove, restore
from kpis.views.correction import correct
from kpis.views.talk import comment, nameable

__all__ = ["annotate", "annotation", "comment", "correct", "nameable", "remove", "restore"]
