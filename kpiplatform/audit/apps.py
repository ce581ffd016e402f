from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "kpiplatform.audit"
    label = "audit"
