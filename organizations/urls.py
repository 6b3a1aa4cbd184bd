"""Routes of the session context, organisations and who belongs to them."""

from django.urls import path

from organizations.views import (
    branches,
    invitations,
    join_requests,
    me,
    organizations,
    roles,
    users,
)

urlpatterns = [
    path("me/", me.MeView.as_view()),
    path("me/active-role/", me.ActiveRoleView.as_view()),
    path("me/active-branch/", me.ActiveBranchView.as_view()),
    path("me/branches/", branches.OwnBranchesView.as_view()),
    path("users/", users.UserListView.as_view()),
    path("users/<int:user_id>/", users.UserView.as_view()),
    path("users/<int:user_id>/roles/", users.UserRolesView.as_view()),
    path("users/<int:user_id>/branches/", users.UserBranchesView.as_view()),
    path("roles/", roles.RoleListView.as_view()),
    path("roles/<int:role_id>/", roles.RoleView.as_view()),
    path("branches/", branches.BranchListView.as_view()),
    path("branches/<int:branch_id>/", branches.BranchView.as_view()),
    path("organizations/", organizations.OrganizationListView.as_view()),
    path("organizations/search/", organizations.OrganizationSearchView.as_view()),
    path("organizations/current/", organizations.CurrentOrganizationView.as_view()),
    path("organizations/current/settings/", organizations.CurrentSettingsView.as_view()),
    path("organizations/current/stats/", organizations.CurrentStatsView.as_view()),
    path("join-requests/", join_requests.JoinRequestListView.as_view()),
    path("join-requests/<int:request_id>/approve/", join_requests.ApproveView.as_view()),
    path("join-requests/<int:request_id>/reject/", join_requests.RejectView.as_view()),
    path("join-requests/<int:request_id>/withdraw/", join_requests.WithdrawView.as_view()),
    path("invitations/", invitations.InvitationListView.as_view()),
    path("invitations/accept/", invitations.AcceptView.as_view()),
    path("invitations/<int:invitation_id>/resend/", invitations.ResendView.as_view()),
    path("invitations/<int:invitation_id>/revoke/", invitations.RevokeView.as_view()),
]
