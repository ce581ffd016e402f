"""Finding KPIs, objectives, initiatives, people and pages, each person within their own view."""
