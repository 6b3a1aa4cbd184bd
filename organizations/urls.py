"""Routes of the session context, organisations and branches."""

from django.urls import path

from organizations import views

urlpatterns = [
    path("me/", views.MeView.as_view()),
    path("organizations/current/", views.CurrentOrganizationView.as_view()),
    path("branches/", views.BranchListView.as_view()),
]
