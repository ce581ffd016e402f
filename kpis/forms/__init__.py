"""Forms about one KPI: what is written on its page, its limits, its definition."""

from kpis.forms.history import ApproveForm, AskForm, BringBackForm, RejectForm
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
    "ApproveForm",
    "AskForm",
    "BringBackForm",
    "CommentForm",
    "CorrectionForm",
    "DayInput",
    "ExplanationForm",
    "RejectForm",
    "period_name",
    "recent_periods",
]
