"""Addresses of alerts, and of the demo's mailbox."""

from __future__ import annotations

from django.urls import path

from alerts import views

app_name = "alerts"
urlpatterns = [
    path("alerts/incidents/<int:incident_id>/acknowledge/", views.acknowledge, name="acknowledge"),
    path("mailbox/", views.mailbox_list, name="mailbox"),
    path("mailbox/<str:name>/", views.mailbox_message, name="mailbox_message"),
    path("mailbox/<str:name>/html/", views.mailbox_html, name="mailbox_html"),
]
