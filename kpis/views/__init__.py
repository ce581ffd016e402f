"""Pages of one KPI and of all KPIs as a whole; the page of a KPI itself is composed higher up."""

from kpis.views.notes import annotate, comment, correct

__all__ = ["annotate", "comment", "correct"]
