"""Pages of one KPI and of all KPIs as a whole; the page of a KPI itself is composed higher up."""

from kpis.views.annotations import annotate, annotation, remove, restore
from kpis.views.correction import bring_back, correct
from kpis.views.reopening import reopen, reopening, reopenings
from kpis.views.talk import comment, nameable

__all__ = [
    "annotate",
    "annotation",
    "bring_back",
    "comment",
    "correct",
    "nameable",
    "remove",
    "reopen",
    "reopening",
    "reopenings",
    "restore",
]
