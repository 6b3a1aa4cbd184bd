"""Two organisations of the same shape, so that one's ids can be tried on the other."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.utils import timezone

from accounts.models import ApiToken, Role, RoleAssignment, Scope, User
from accounts.services import issue_token
from filterlists.models import FilterGroup, FilterList
from organizations.models import Branch, BranchAssignment, Invitation, JoinRequest, Organization
from organizations.services.founding import found_organization
from worktime.models import WorkTime

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """An organisation with one of everything that has an id."""

    organization: Organization
    admin: User
    lead: User
    member: User
    inactive: User
    ids: dict[str, int]
    tokens: dict[str, str]


def make_world(name: str) -> World:
    """Make an organisation; its people are called after it."""
    admin = _person(f"{name}-admin")
    organization = found_organization(
        founder=admin,
        name=name,
        display_name=name.title(),
        branch_name="Hamburg",
        time_zone="Europe/Berlin",
    )
    branch = organization.branches.get()
    lead = _hire(f"{name}-lead", organization, "Lead", branch)
    member = _hire(f"{name}-member", organization, "Member", branch)
    inactive = _hire(f"{name}-inactive", organization, "Member", branch)
    User.objects.filter(pk=inactive.pk).update(is_active=False)
    admin_role = Role.objects.get(organization=organization, name="Admin")
    tokens = {
        scope: issue_token(user_id=admin.id, name=scope, scopes=[scope], role_id=admin_role.id)[1]
        for scope in Scope.values
    }
    ids = {
        "organization": organization.id,
        "user": member.id,
        "role": Role.objects.get(organization=organization, name="Member").id,
        "spare_role": Role.objects.create(organization=organization, name="Spare").id,
        "branch": branch.id,
        "spare_branch": Branch.objects.create(organization=organization, name="Spare").id,
        "join_request": JoinRequest.objects.create(
            organization=organization, requester=_person(f"{name}-applicant")
        ).id,
        "invitation": Invitation.objects.create(
            organization=organization,
            email=f"guest@{name}.example",
            role=Role.objects.get(organization=organization, name="Member"),
            invited_by=admin,
            token_hash=sha256(name.encode()).hexdigest(),
            expires_at=timezone.now() + timedelta(days=1),
        ).id,
        "token": ApiToken.objects.filter(user=admin).earliest("id").id,
        "worktime": WorkTime.objects.create(
            user=member,
            organization=organization,
            branch=branch,
            started_at=MONDAY,
            ended_at=MONDAY + timedelta(hours=4),
            time_zone="Europe/Berlin",
        ).id,
    }
    key: dict[str, Any] = {"user": admin, "organization": organization, "table": "worktime"}
    group = FilterGroup.objects.create(name="Group", **key)
    ids["filter_group"] = group.id
    ids["filter_list"] = FilterList.objects.create(name="List", group=group, **key).id
    return World(organization, admin, lead, member, inactive, ids, tokens)


def _person(username: str, **fields: Any) -> User:
    return User.objects.create(username=username, email=f"{username}@example.org", **fields)


def _hire(username: str, organization: Organization, role_name: str, branch: Branch) -> User:
    user = _person(username)
    role = Role.objects.get(organization=organization, name=role_name)
    RoleAssignment.objects.create(user=user, role=role, is_active_role=True)
    BranchAssignment.objects.create(user=user, branch=branch, is_active_branch=True)
    return user
