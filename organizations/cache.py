"""Reads about where people belong."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet

from accounts.cache import (
    REACHES,
    ActiveRole,
    Person,
    Reach,
    load_role,
    organization_fact,
    person_fact,
)
from accounts.models import Entity, Role, RoleAssignment, User
from config.api.reads import Known, Reads
from config.cache import Cache, depends_on
from organizations.models import (
    Branch,
    BranchAssignment,
    Invitation,
    JoinRequest,
    Organization,
    OrganizationSettings,
)

# Settings that are columns of Organization, because clocking in needs them.
SETTINGS_COLUMNS: Final = ("require_bank_details", "daily_limit", "day_rule")
SETTINGS_DEFAULTS: Final = {"language": "en", "week_start": "monday", "fortnight_view": False}
MOST_FOUND: Final = 20


@dataclass(frozen=True, slots=True)
class OrganizationCard:
    """An organisation as its people see it, never with its settings."""

    id: int
    name: str
    display_name: str
    domain: str | None
    logo: str
    country: str
    tax_number: str
    time_zone: str
    subscription_plan: str
    subscription_end: datetime | None
    max_users: int
    require_bank_details: bool
    daily_limit: str
    day_rule: str


@dataclass(frozen=True, slots=True)
class BranchCard:
    """A branch as who is assigned to it sees it."""

    id: int
    name: str
    address: str
    city: str
    country: str
    time_zone: str
    is_active: bool
    organization_id: int


def _load_card(organization_id: int) -> OrganizationCard | None:
    fields = OrganizationCard.__slots__
    row = Organization.objects.filter(pk=organization_id, is_active=True).values(*fields).first()
    return OrganizationCard(**row) if row else None


def _load_chosen_branch(user_id: int) -> BranchCard | None:
    chosen = Branch.objects.filter(
        assignments__user_id=user_id, assignments__is_active_branch=True, is_active=True
    )
    row = chosen.values(*BranchCard.__slots__).first()
    if row is None:
        return None
    depends_on(organization_fact(row["organization_id"]))
    return BranchCard(**row)


def _load_own_branches(user_id: int) -> tuple[BranchCard, ...]:
    rows = (
        Branch.objects.filter(assignments__user_id=user_id, is_active=True)
        .order_by("name", "id")
        .values(*BranchCard.__slots__)
    )
    cards = tuple(BranchCard(**row) for row in rows)
    depends_on(*(organization_fact(each.organization_id) for each in cards))
    return cards


organizations: Final = Cache(
    "organizations",
    load=_load_card,
    facts=lambda organization_id: [organization_fact(organization_id)],
    ttl=600.0,
)
chosen_branches: Final = Cache(
    "chosen branches",
    load=_load_chosen_branch,
    facts=lambda user_id: [person_fact(user_id)],
    ttl=600.0,
)


own_branches: Final = Cache(
    "own branches",
    load=_load_own_branches,
    facts=lambda user_id: [person_fact(user_id)],
    ttl=600.0,
)


def card_reads(known: Known) -> Reads:
    """Return where `organization_card` of the active organisation looks."""
    return [(organizations, known.organization_id)] if known.organization_id else []


def context_reads(known: Known) -> Reads:
    """Return where the session context looks, beside the person."""
    return [(chosen_branches, known.user_id), *card_reads(known)]


def organization_card(organization_id: int) -> OrganizationCard | None:
    """Return the card of an organisation; None where it is not active."""
    return organizations.get(organization_id)


def active_branch_card(person: Person) -> BranchCard | None:
    """Return what `active_branch` does, from the cache."""
    branch, role = chosen_branches.get(person.id), person.active_role
    if branch is None or role is None or branch.organization_id != role.organization_id:
        return None
    return branch if role.branches is None or branch.id in role.branches else None


def own_branch_cards(person: Person) -> list[BranchCard]:
    """Return the branches where the person works and that their role covers, from the cache."""
    role = person.active_role
    if role is None:
        return []
    return [
        each
        for each in own_branches.get(person.id)
        if each.organization_id == role.organization_id
        and (role.branches is None or each.id in role.branches)
    ]


def active_branch(person: Person) -> Branch | None:
    """Return the branch that clocking in takes; None outside the active organisation.

    A token does not follow its owner's browser elsewhere: there it takes the one used last.
    """
    role = person.active_role
    if role is None:
        return None
    assignments = BranchAssignment.objects.filter(
        user_id=person.id,
        branch__organization_id=role.organization_id,
        branch__is_active=True,
    )
    if role.branches is not None:
        assignments = assignments.filter(branch_id__in=role.branches)
    if person.token_role_id is None:
        assignments = assignments.filter(is_active_branch=True)
    else:
        last_used = F("last_used_at").desc(nulls_last=True)
        assignments = assignments.order_by("-is_active_branch", last_used, "id")
    assignment = assignments.select_related("branch").first()
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


def visible_users(person: Person) -> QuerySet[User]:
    """Return the people of the active organisation whom the person's role lets them see."""
    role = person.active_role
    reach = person.reads(Entity.USERS)
    if role is None or reach is Reach.NONE:
        return User.objects.none()
    held = RoleAssignment.objects.filter(
        user=OuterRef("pk"), role__organization_id=role.organization_id
    )
    people = User.objects.filter(Exists(held))
    if reach is Reach.OWN:
        return people.filter(pk=person.id)
    if role.branches is not None:
        at_work = BranchAssignment.objects.filter(user=OuterRef("pk"), branch_id__in=role.branches)
        people = people.filter(Q(pk=person.id) | Exists(at_work))
    return people


def with_memberships(people: QuerySet[User], organization_id: int) -> QuerySet[User]:
    """Return them with their roles and branches of this organisation, and no other's."""
    return people.prefetch_related(
        Prefetch(
            "role_assignments",
            RoleAssignment.objects.filter(role__organization_id=organization_id)
            .select_related("role")
            .order_by("role__name", "id"),
        ),
        Prefetch(
            "branch_assignments",
            BranchAssignment.objects.filter(branch__organization_id=organization_id)
            .select_related("branch")
            .order_by("branch__name", "id"),
        ),
    )


def visible_roles(person: Person) -> QuerySet[Role]:
    """Return the roles of the active organisation that the person's role lets them see."""
    role = person.active_role
    reach = person.reads(Entity.ROLES)
    if role is None or reach is Reach.NONE:
        return Role.objects.none()
    roles = Role.objects.filter(organization_id=role.organization_id)
    if reach is Reach.OWN:
        roles = roles.filter(assignments__user_id=person.id)
    return roles


def with_grants(roles: QuerySet[Role]) -> QuerySet[Role]:
    """Return them with their permissions and branches."""
    return roles.prefetch_related(
        "permissions", Prefetch("branches", Branch.objects.order_by("name", "id"))
    )


def visible_join_requests(person: Person) -> QuerySet[JoinRequest]:
    """Return the person's own requests, and the active organisation's if their role reads them."""
    visible = Q(requester_id=person.id)
    role = person.active_role
    if role is not None and person.reads(Entity.JOIN_REQUESTS) is Reach.ALL:
        visible |= Q(organization_id=role.organization_id)
    return JoinRequest.objects.filter(visible)


def visible_invitations(person: Person) -> QuerySet[Invitation]:
    """Return the active organisation's invitations that the person's role lets them see."""
    role = person.active_role
    reach = person.reads(Entity.INVITATIONS)
    if role is None or reach is Reach.NONE:
        return Invitation.objects.none()
    invitations = Invitation.objects.filter(organization_id=role.organization_id)
    if reach is Reach.OWN:
        invitations = invitations.filter(invited_by_id=person.id)
    return invitations


def unconfirmed(invitations: Iterable[Invitation], accepted_by: int | None = None) -> set[int]:
    """Return the ids of invitations whose authors could not give that role and branch any more.

    They wait for the word of somebody who can; a closed one waits for nothing. With `accepted_by`
    it is asked whether the author could give them to that person.
    """
    meant = [
        each
        for each in invitations
        if each.role_id is not None and not (each.accepted_at or each.revoked_at)
    ]
    if not meant:
        return set()
    held: dict[int, list[int]] = defaultdict(list)
    for user_id, role_id in RoleAssignment.objects.filter(
        user__in={each.invited_by_id for each in meant},
        user__is_active=True,
        role__organization__in={each.organization_id for each in meant},
    ).values_list("user_id", "role_id"):
        held[user_id].append(role_id)
    needed = {each.role_id for each in meant}.union(*held.values())
    rows = Role.objects.filter(pk__in=needed).select_related("organization")
    roles = {row.id: load_role(row) for row in rows.prefetch_related("permissions", "branches")}
    return {
        each.id
        for each in meant
        if not any(
            may_invite(role)
            and role.covers(invited, to_oneself=each.invited_by_id == accepted_by)
            and (role.branches is None or each.branch_id in {None, *role.branches})
            # One may have been deleted since.
            for role in map(roles.get, held[each.invited_by_id])
            if role and (invited := roles.get(each.role_id or 0))
        )
    }


def may_invite(role: ActiveRole) -> bool:
    """Return whether a role invites at all."""
    _, writes = REACHES[role.levels[Entity.INVITATIONS]]
    return writes > Reach.NONE


def found_organizations(text: str) -> QuerySet[Organization]:
    """Return active organisations with `text` in their display name, at most 20."""
    found = Organization.objects.filter(is_active=True, display_name__icontains=text)
    return found.only("id", "display_name").order_by("display_name", "id")[:MOST_FOUND]


def organization_settings(organization_id: int) -> dict[str, Any]:
    """Return the settings with the defaults of what is not set; the table's only reader."""
    columns = Organization.objects.values(*SETTINGS_COLUMNS).get(pk=organization_id)
    stored = OrganizationSettings.objects.filter(organization_id=organization_id).first()
    return {**SETTINGS_DEFAULTS, **(stored.data if stored else {}), **columns}


def organization_stats(organization_id: int) -> dict[str, int]:
    """Return how many people, roles and branches an organisation has."""
    organization = Organization.objects.only("max_users").get(pk=organization_id)
    people = User.objects.filter(
        Exists(
            RoleAssignment.objects.filter(
                user=OuterRef("pk"), role__organization_id=organization_id
            )
        )
    ).aggregate(active=Count("id", Q(is_active=True)), inactive=Count("id", Q(is_active=False)))
    return {
        "active_users": people["active"],
        "inactive_users": people["inactive"],
        "max_users": organization.max_users,
        "roles": Role.objects.filter(organization_id=organization_id).count(),
        "branches": Branch.objects.filter(organization_id=organization_id).count(),
    }
