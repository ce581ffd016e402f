"""The guided first run: from an empty installation to the first KPI in a few minutes."""
