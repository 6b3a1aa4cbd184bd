"""Reads about people: who someone is and what their active role may do.

A request by session or token needs nothing but `people` (and `tokens`) to know its caller. Bank
details are in no cache: `load_bank_details` reads them from their row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from django.db.models import QuerySet

from accounts.models import (
    AccessLevel,
    ApiToken,
    Entity,
    Role,
    RoleAssignment,
    User,
)
from config.cache import Cache, depends_on
from config.errors import DomainError

# Whose context: a person's id, and the role of a token; None: their active role.
Acting = tuple[int, int | None]


def person_fact(user_id: int) -> str:
    """Return the fact that changes with a person's record, roles and branches."""
    return f"person:{user_id}"


def organization_fact(organization_id: int) -> str:
    """Return the fact that changes with an organisation's card, roles and branches."""
    return f"organization:{organization_id}"


def role_fact(role_id: int) -> str:
    """Return the fact that changes with a role's permissions."""
    return f"role:{role_id}"


def token_fact(digest: str) -> str:
    """Return the fact that changes with a token."""
    return f"token:{digest}"


class NoActiveRole(DomainError):
    """The person acts for no organisation."""

    status = 403
    code = "no_active_role"
    detail = "You have no active role."


class Reach(IntEnum):
    """How far a person's access to an entity goes."""

    NONE = 0
    OWN = 1
    ALL = 2


# What a level means, for use and for giving: how far reading and writing go.
REACHES: Final = {
    AccessLevel.NONE: (Reach.NONE, Reach.NONE),
    AccessLevel.OWN_READ: (Reach.OWN, Reach.NONE),
    AccessLevel.OWN_BOTH: (Reach.OWN, Reach.OWN),
    AccessLevel.ALL_READ: (Reach.ALL, Reach.NONE),
    AccessLevel.ALL_BOTH: (Reach.ALL, Reach.ALL),
}

# One's own rows of these are about oneself alone, so a role that reads everybody's may let other
# people write theirs.
ABOUT_ONESELF: Final = frozenset({Entity.WORKTIME, Entity.USERS, Entity.FILTER_LISTS})


def may_give(entity: str, given: AccessLevel, own: AccessLevel, *, to_oneself: bool) -> bool:
    """Return whether a role with the level `own` of an entity may give the level `given`."""
    reads, writes = REACHES[own]
    given_reads, given_writes = REACHES[given]
    if given_reads > reads:
        return False
    if given_writes <= writes:
        return True
    return (
        not to_oneself
        and entity in ABOUT_ONESELF
        and reads is Reach.ALL
        and given_writes is Reach.OWN
    )


@dataclass(frozen=True, slots=True)
class RoleOrganization:
    """The organisation of a role, as far as a list of roles shows it."""

    id: int
    name: str
    display_name: str
    logo: str


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that a person holds."""

    id: int
    name: str
    organization: RoleOrganization
    is_active: bool


@dataclass(frozen=True, slots=True)
class ActiveRole:
    """The role that decides, with what it may do; `branches` is None where it covers all.

    `updated_at` changes with each of these.
    """

    id: int
    name: str
    organization_id: int
    is_admin: bool
    branches: frozenset[int] | None
    levels: dict[str, AccessLevel]
    updated_at: datetime

    def covers(self, other: "ActiveRole", *, to_oneself: bool) -> bool:
        """Return whether this role may give all that `other` may do, wherever it may do it."""
        if self.organization_id != other.organization_id:
            return False
        if self.is_admin:
            return True
        if other.is_admin:
            return False
        if self.branches is not None and (
            other.branches is None or not other.branches <= self.branches
        ):
            return False
        return all(
            may_give(entity, level, self.levels[entity], to_oneself=to_oneself)
            for entity, level in other.levels.items()
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How the browser app looks for a person."""

    dark_mode: bool = False
    sidebar_collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A person's context, without any secret. Fail closed: no active role may do nothing."""

    id: int
    username: str
    email: str
    first_name: str
    last_name: str
    language: str
    country: str
    time_zone: str
    settings: Settings
    roles: tuple[HeldRole, ...]
    active_role: ActiveRole | None = field(default=None)
    token_role_id: int | None = field(default=None)

    @property
    def acting(self) -> Acting:
        """The key of what caches hold for the person in this role."""
        return self.id, self.token_role_id

    @property
    def acting_role(self) -> ActiveRole:
        """The active role; raises NoActiveRole where there is none."""
        if self.active_role is None:
            raise NoActiveRole
        return self.active_role

    def reads(self, entity: Entity) -> Reach:
        """Return how far reading `entity` goes."""
        return REACHES[self._level(entity)][0]

    def writes(self, entity: Entity) -> Reach:
        """Return how far changing `entity` goes."""
        return REACHES[self._level(entity)][1]

    def _level(self, entity: Entity) -> AccessLevel:
        role = self.active_role
        return role.levels[entity] if role else AccessLevel.NONE


@dataclass(frozen=True, slots=True)
class Account:
    """A person, and what lets them in; `session_hash` is derived from the password's hash."""

    person: Person
    is_active: bool
    session_hash: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A person's own record, but for what is secret."""

    id: int
    username: str
    email: str
    first_name: str
    last_name: str
    phone_number: str
    language: str
    country: str
    time_zone: str
    birthday: date | None
    employee_number: str
    normal_working_hours: Decimal
    date_joined: datetime


@dataclass(frozen=True, slots=True)
class TokenCard:
    """What a token is for."""

    id: int
    user_id: int
    role_id: int
    scopes: tuple[str, ...]
    expires_at: datetime


def load_person(user_id: int, role_id: int | None = None) -> Person:
    """Return the context of a person, from rows; raise User.DoesNotExist where there is none."""
    return load_account((user_id, role_id)).person


def load_account(acting: Acting) -> Account:
    """Return a person's account; raise User.DoesNotExist where there is none."""
    user_id, token_role_id = acting
    user = (
        User.objects.select_related("settings")
        .only(
            "username",
            "email",
            "first_name",
            "last_name",
            "language",
            "country",
            "time_zone",
            "is_active",
            "password",
            "session_generation",
            "settings__dark_mode",
            "settings__sidebar_collapsed",
        )
        .get(pk=user_id)
    )
    look = getattr(user, "settings", None)
    assignments = list(
        RoleAssignment.objects.filter(user_id=user_id)
        .select_related("role__organization")
        .only(
            "is_active_role",
            "role__name",
            "role__is_admin",
            "role__all_branches",
            "role__updated_at",
            "role__organization__name",
            "role__organization__display_name",
            "role__organization__logo",
            "role__organization__is_active",
        )
        .order_by("role__organization__display_name", "role__name", "id")
    )
    depends_on(*(organization_fact(each.role.organization_id) for each in assignments))
    active = next(_active(assignments, token_role_id), None)
    if active:
        depends_on(role_fact(active.role_id))
    person = Person(
        id=user.id,
        username=user.username,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        language=user.language,
        country=user.country,
        time_zone=user.time_zone,
        settings=Settings(look.dark_mode, look.sidebar_collapsed) if look else Settings(),
        roles=tuple(
            HeldRole(
                id=each.role.id,
                name=each.role.name,
                organization=RoleOrganization(
                    id=each.role.organization.id,
                    name=each.role.organization.name,
                    display_name=each.role.organization.display_name,
                    logo=each.role.organization.logo,
                ),
                is_active=each is active,
            )
            for each in assignments
        ),
        active_role=load_role(active.role) if active else None,
        token_role_id=token_role_id,
    )
    return Account(person, user.is_active, user.get_session_auth_hash())


def load_profile(user_id: int) -> Profile:
    """Return a person's own record; raise User.DoesNotExist where there is none."""
    return Profile(**User.objects.values(*Profile.__slots__).get(pk=user_id))


def load_token(digest: str) -> TokenCard:
    """Return what a token is for; raise ApiToken.DoesNotExist where there is none."""
    token = ApiToken.objects.select_related("role_assignment").get(digest=digest)
    return TokenCard(
        id=token.id,
        user_id=token.user_id,
        role_id=token.role_assignment.role_id,
        scopes=tuple(token.scopes),
        expires_at=token.expiry,
    )


people = Cache(
    "people",
    load=load_account,
    facts=lambda acting: [person_fact(acting[0])],
    ttl=300.0,
    permission=True,
)
profiles = Cache(
    "profiles",
    load=load_profile,
    facts=lambda user_id: [person_fact(user_id)],
    ttl=300.0,
)
tokens = Cache(
    "tokens",
    load=load_token,
    facts=lambda digest: [token_fact(digest)],
    ttl=300.0,
    permission=True,
)


def visible_tokens(person: Person) -> QuerySet[ApiToken]:
    """Return the person's tokens: they are nobody else's matter."""
    return ApiToken.objects.filter(user_id=person.id).select_related(
        "role_assignment__role__organization"
    )


def load_bank_details(user_id: int) -> User:
    """Return a person with nothing but their bank details."""
    return User.objects.only("bank_details").get(pk=user_id)


def load_role(role: Role) -> ActiveRole:
    """Return what a role may do; `role` comes with its organisation, and may with its grants."""
    levels = dict.fromkeys(Entity.values, AccessLevel.NONE)
    # A deactivated organisation grants nothing, whatever its roles say.
    if role.organization.is_active:
        if role.is_admin:
            levels = dict.fromkeys(Entity.values, AccessLevel.ALL_BOTH)
        else:
            for permission in role.permissions.all():
                levels[permission.entity] = AccessLevel(permission.access_level)
    return ActiveRole(
        id=role.id,
        name=role.name,
        organization_id=role.organization_id,
        is_admin=role.is_admin,
        branches=(
            None
            if role.all_branches or role.is_admin
            else frozenset(branch.id for branch in role.branches.all())
        ),
        levels=levels,
        updated_at=role.updated_at,
    )


def _active(assignments: list[RoleAssignment], role_id: int | None) -> Iterator[RoleAssignment]:
    for each in assignments:
        if each.is_active_role if role_id is None else each.role_id == role_id:
            yield each
