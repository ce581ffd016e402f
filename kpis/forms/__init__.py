"""Forms about one KPI: what is written on its page, its limits, its definition."""

from kpis.forms.notes import (
    AnnotationForm,
    CommentForm,
    CorrectionForm,
    DayInput,
    ExplanationForm,
    period_name,
    recent_periods,
)

__all__ = [
    "AnnotationForm",
    "CommentForm",
    "CorrectionForm",
    "DayInput",
    "ExplanationForm",
    "period_name",
    "recent_periods",
]
