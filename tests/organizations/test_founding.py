"""Founding an organisation is one transaction: organisation, branch, roles, the first admin."""

import pytest

from accounts.models import Entity, Permission, Role, User
from organizations.models import Organization, OrganizationSettings
from organizations.services.founding import NameTaken, found_organization


def found(founder: User, name: str = "nordwind", *, activate: bool = False) -> Organization:
    return found_organization(
        founder=founder,
        name=name,
        display_name="Nordwind",
        branch_name="Hamburg",
        time_zone="Europe/Berlin",
        activate=activate,
    )


def test_it_works(ada: User) -> None:
    organization = found(ada)
    assert {role.name for role in organization.roles.all()} == {"Admin", "Lead", "Member"}
    assert OrganizationSettings.objects.get(organization=organization).data == {}
    active = ada.role_assignments.get(is_active_role=True)
    assert (active.role.organization, active.role.is_admin) == (organization, True)
    assert ada.branch_assignments.get(is_active_branch=True).branch.name == "Hamburg"


@pytest.mark.parametrize(
    ("role_name", "entity", "level"),
    [
        ("Lead", Entity.WORKTIME, "all_both"),
        ("Lead", Entity.INVITATIONS, "own_both"),
        ("Member", Entity.WORKTIME, "own_both"),
        ("Member", Entity.ROLES, "own_read"),
        ("Member", Entity.JOIN_REQUESTS, None),
        ("Lead", Entity.ORGANIZATION_SETTINGS, None),
    ],
)
def test_default_permissions(
    nordwind: Organization, role_name: str, entity: Entity, level: str | None
) -> None:
    role = Role.objects.get(organization=nordwind, name=role_name)
    row = Permission.objects.filter(role=role, entity=entity).first()
    assert (row.access_level if row else None) == level


def test_a_second_one_becomes_the_active_one_if_wanted(ada: User, nordwind: Organization) -> None:
    other = found(ada, "other", activate=True)
    assert ada.role_assignments.get(is_active_role=True).role.organization == other
    assert ada.branch_assignments.get(is_active_branch=True).branch.organization == other
    assert ada.role_assignments.count() == 2


def test_a_second_one_leaves_the_founder_where_they_are(ada: User, nordwind: Organization) -> None:
    found(ada, "other")
    assert ada.role_assignments.get(is_active_role=True).role.organization == nordwind
    assert ada.branch_assignments.get(is_active_branch=True).branch.organization == nordwind
    assert ada.role_assignments.count() == 2


def test_a_name_is_taken_whatever_its_case(ada: User, nordwind: Organization) -> None:
    with pytest.raises(NameTaken):
        found(ada, "NORDWIND")
    assert Organization.objects.count() == 1
