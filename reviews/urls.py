"""Forums, their reviews, and what comes of them."""

from __future__ import annotations

from django.urls import path

from reviews.views import about, calendar, forums, kpis, lists, live, meetings, outcomes

app_name = "reviews"
urlpatterns = [
    path("", lists.reviews, name="reviews"),
    path("calendar/", calendar.address, name="calendar_address"),
    path("calendar/<str:token>.ics", calendar.feed, name="calendar"),
    path("initiatives/<slug:code>/", about.of_initiative, name="of_initiative"),
    path("forums/new/", forums.new_forum, name="new_forum"),
    path("forums/<slug:code>/", lists.forum, name="forum"),
    path("forums/<slug:code>/edit/", forums.edit_forum, name="edit_forum"),
    path("forums/<slug:code>/kpis/", kpis.forum_kpis, name="kpis"),
    path("forums/<slug:code>/plan/", meetings.plan, name="plan"),
    path("<int:pk>/", meetings.review, name="review"),
    path("<int:pk>/open/", meetings.open_review, name="open"),
    path("<int:pk>/move/", meetings.move, name="move"),
    path("<int:pk>/close/", meetings.close, name="close"),
    path("<int:pk>/pack/", meetings.pack, name="pack"),
    path("<int:pk>/live/", live.live, name="live"),
    path("decisions/<int:pk>/", outcomes.decision, name="decision"),
    path("actions/<int:pk>/", outcomes.action, name="action"),
    path("actions/<int:pk>/tick/", outcomes.tick, name="tick"),
]
