"""Routes of working time."""

from django.urls import path

from worktime import views

urlpatterns = [
    path("worktime/", views.WorkTimeListView.as_view()),
    path("worktime/start/", views.StartView.as_view()),
    path("worktime/stop/", views.StopView.as_view()),
    path("worktime/active/", views.ActiveView.as_view()),
]
