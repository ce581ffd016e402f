"""Forms about one KPI: what is written on its page, its limits, its definition."""

from kpis.forms.correction import CorrectionForm
from kpis.forms.days import DayField
from kpis.forms.explaining import TOLD, ValueExplanationForm
from kpis.forms.history import ApproveForm, AskForm, BringBackForm, RejectForm
from kpis.forms.notes import (
    AnnotationForm,
    CommentForm,
    ExplanationForm,
    period_name,
    recent_periods,
)

__all__ = [
    "TOLD",
    "AnnotationForm",
    "ApproveForm",
    "AskForm",
    "BringBackForm",
    "CommentForm",
    "CorrectionForm",
    "DayField",
    "ExplanationForm",
    "RejectForm",
    "ValueExplanationForm",
    "period_name",
    "recent_periods",
]
