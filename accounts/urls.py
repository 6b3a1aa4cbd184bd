"""Routes of a person's own record and tokens."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("me/profile/", views.ProfileView.as_view()),
    path("me/bank-details/", views.BankDetailsView.as_view()),
    path("me/settings/", views.SettingsView.as_view()),
    path("me/sessions/", views.SessionsView.as_view()),
    path("tokens/", views.TokenListView.as_view()),
    path("tokens/<int:token_id>/", views.TokenView.as_view()),
]
