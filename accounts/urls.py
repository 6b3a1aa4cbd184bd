"""Routes of a person's own record."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("me/profile/", views.ProfileView.as_view()),
    path("me/settings/", views.SettingsView.as_view()),
]
