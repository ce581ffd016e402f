"""Addresses of alerts, and of the demo's mailbox."""

from __future__ import annotations

from django.urls import path

from alerts import views

app_name = "alerts"
urlpatterns = [
    path("alerts/", views.inbox, name="inbox"),
    path("alerts/incidents/<int:incident_id>/", views.incident, name="incident"),
    path("alerts/incidents/<int:incident_id>/acknowledge/", views.acknowledge, name="acknowledge"),
    path("kpis/<str:code>/alerts/", views.of_kpi, name="of_kpi"),
    path("alerts/deliveries/", views.deliveries, name="deliveries"),
    path("alerts/deliveries/<uuid:delivery_id>/retry/", views.retry, name="retry"),
    path("alerts/subscriptions/", views.subscriptions, name="subscriptions"),
    path("alerts/subscriptions/<int:subscription_id>/", views.subscription, name="subscription"),
    path("mailbox/", views.mailbox_list, name="mailbox"),
    path("mailbox/<str:name>/", views.mailbox_message, name="mailbox_message"),
    path("mailbox/<str:name>/html/", views.mailbox_html, name="mailbox_html"),
]
