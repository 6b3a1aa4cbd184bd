"""The cast: alice is a member of Nordwind, bob its lead, ada its admin; charlie is a stranger."""

import gc
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache, caches
from django.db.models.signals import post_migrate
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import Role, RoleAssignment, User
from config.db.zones import shared_time_zones
from config.dev.servers import Valkey
from organizations.models import Branch, BranchAssignment, Organization
from organizations.services.founding import found_organization
from tests.bench.people import session_of


def pytest_collection_finish() -> None:
    """Have the garbage collector come less often: it took a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


class Api(Client):
    """A signed-in browser app: sends and reads JSON, with the CSRF check on."""

    def __init__(self, user: User | None = None) -> None:
        super().__init__(enforce_csrf_checks=True)
        self.csrf: dict[str, str] = {}
        if user is not None:
            # As it is now: what a test did since may have ended sessions of the row it holds.
            self.cookies["sessionid"] = session_of(User.objects.get(pk=user.pk))
            self.cookies["csrftoken"] = token = "t" * 32
            self.csrf["X-CSRFToken"] = token

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request with a JSON body, where there is one."""
        return self.generic(
            method,
            path,
            b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode(),
            content_type="application/json",
            headers={**self.csrf, **headers},
        )

    def post_json(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST a JSON body."""
        return self.send("POST", path, body, **headers)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Make content types on demand and permissions, which nobody has, not at all after a flush.

    What a process asks the database once, it has asked before the first test counts statements.
    """
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.connect(_forget_content_types, dispatch_uid="tests")
    with django_db_blocker.unblock():
        shared_time_zones()


def _forget_content_types(**kwargs: Any) -> None:
    ContentType.objects.clear_cache()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()
    caches["process"].clear()


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Settings) -> None:
    """Hashing is slow on purpose; tests do not test that."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _hire(username: str, organization: Organization, role_name: str, branch: Branch) -> User:
    user = User.objects.create(username=username, email=f"{username}@example.org")
    role = Role.objects.get(organization=organization, name=role_name)
    RoleAssignment.objects.create(user=user, role=role, is_active_role=True)
    BranchAssignment.objects.create(user=user, branch=branch, is_active_branch=True)
    return user


def _found(founder: User, name: str) -> Organization:
    return found_organization(
        founder=founder,
        name=name,
        display_name=name.title(),
        branch_name="Hamburg",
        time_zone="Europe/Berlin",
    )


@pytest.fixture
def hire() -> Callable[[str, Organization, str, Branch], User]:
    """Makes a person with an active role and branch."""
    return _hire


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create(username="ada", email="ada@example.org")


@pytest.fixture
def nordwind(ada: User) -> Organization:
    return _found(ada, "nordwind")


@pytest.fixture
def hamburg(nordwind: Organization) -> Branch:
    return nordwind.branches.get()


@pytest.fixture
def alice(nordwind: Organization, hamburg: Branch) -> User:
    return _hire("alice", nordwind, "Member", hamburg)


@pytest.fixture
def bob(nordwind: Organization, hamburg: Branch) -> User:
    return _hire("bob", nordwind, "Lead", hamburg)


@pytest.fixture
def charlie(db: None) -> User:
    """Member of another organisation."""
    founder = User.objects.create(username="sue", email="sue@example.org")
    suedwind = _found(founder, "suedwind")
    return _hire("charlie", suedwind, "Member", suedwind.branches.get())


@pytest.fixture
def api() -> type[Api]:
    """Makes a client: api(alice)."""
    return Api


@pytest.fixture
def operator(db: None) -> Client:
    """The browser of a platform operator, in the admin."""
    user = User.objects.create_superuser("root", "root@example.org", "x")
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def valkey(own_valkey: Valkey, settings: Any) -> Valkey:
    """A server of the test's own, which caches and sessions use."""
    default = {**settings.CACHES["default"], "LOCATION": own_valkey.url()}
    settings.CACHES = {**settings.CACHES, "default": default}
    return own_valkey
