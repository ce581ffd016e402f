"""KPIs: what is measured, the values, how they are judged, and where they come from."""

from kpis.models.calendar import Holiday, PeriodCalendar, PeriodLock, PeriodReopening, UnitCalendar
from kpis.models.clock import Clock
from kpis.models.definition import Kpi, KpiLink, KpiOwnership, KpiStep, KpiVersion, KpiWeight
from kpis.models.derivation import KpiInput, OwedDerivation
from kpis.models.entry import EntryRules, KeptValue, ProposedValue
from kpis.models.evaluation import Evaluation, KpiState
from kpis.models.measurement import Measurement, MeasurementRevision
from kpis.models.note import Annotation, Commentary
from kpis.models.quality import PullCheck, QualityRule, SourceAgreement
from kpis.models.source import DataSource, Pull, PullRefusal, SourceMapping, StagedReading
from kpis.models.source_access import SourceCredential, SourceUpload, SourceUploadPart
from kpis.models.target import Target, ThresholdSet

__all__ = [
    "Annotation",
    "Clock",
    "Commentary",
    "DataSource",
    "EntryRules",
    "Evaluation",
    "Holiday",
    "KeptValue",
    "Kpi",
    "KpiInput",
    "KpiLink",
    "KpiOwnership",
    "KpiState",
    "KpiStep",
    "KpiVersion",
    "KpiWeight",
    "Measurement",
    "MeasurementRevision",
    "OwedDerivation",
    "PeriodCalendar",
    "PeriodLock",
    "PeriodReopening",
    "ProposedValue",
    "Pull",
    "PullCheck",
    "PullRefusal",
    "QualityRule",
    "SourceAgreement",
    "SourceCredential",
    "SourceMapping",
    "SourceUpload",
    "SourceUploadPart",
    "StagedReading",
    "Target",
    "ThresholdSet",
    "UnitCalendar",
]
