"""Reads about where people belong."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.cache import Person, Reach
from accounts.models import Entity
from organizations.models import Branch, BranchAssignment, Organization


@dataclass(frozen=True, slots=True)
class OrganizationCard:
    """An organisation as its people see it, never with its settings."""

    id: int
    name: str
    display_name: str
    domain: str | None
    logo: str
    country: str
    time_zone: str
    subscription_plan: str
    subscription_end: datetime | None
    max_users: int
    require_bank_details: bool
    daily_limit: str
    day_rule: str


def organization_card(organization_id: int) -> OrganizationCard | None:
    """Return the card of an organisation; None where it is not active."""
    fields = OrganizationCard.__slots__
    row = Organization.objects.filter(pk=organization_id, is_active=True).values(*fields).first()
    return OrganizationCard(**row) if row else None


def active_branch(person: Person) -> Branch | None:
    """Return the branch that clocking in takes; None outside the active organisation."""
    role = person.active_role
    if role is None:
        return None
    assignment = (
        BranchAssignment.objects.filter(
            user_id=person.id,
            is_active_branch=True,
            branch__organization_id=role.organization_id,
            branch__is_active=True,
        )
        .select_related("branch")
        .first()
    )
    return assignment.branch if assignment else None


def visible_branches(person: Person) -> QuerySet[Branch]:
    """Return the branches of the active organisation that the person's role lets them see."""
    role = person.active_role
    reach = person.reads(Entity.BRANCHES)
    if role is None or reach is Reach.NONE:
        return Branch.objects.none()
    branches = Branch.objects.filter(organization_id=role.organization_id)
    if role.branches is not None:
        branches = branches.filter(pk__in=role.branches)
    if reach is Reach.OWN:
        branches = branches.filter(assignments__user_id=person.id)
    return branches
