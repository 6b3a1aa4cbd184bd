"""The people that a benchmark's load comes from; needs Django set up."""

from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from accounts.models import Role, RoleAssignment, User
from config.management import demodata
from organizations.models import Branch, BranchAssignment


def sign_in(count: int) -> list[str]:
    """Create the demo's data and `count` members; return the value of each one's cookie."""
    demodata.create(lambda line: None)
    role = Role.objects.get(organization__name="nordwind", name="Member")
    branch = Branch.objects.filter(organization=role.organization).order_by("id")[0]
    known = User.objects.filter(username__startswith="bench-").count()
    users = User.objects.bulk_create(
        User(username=f"bench-{n}", email=f"bench-{n}@nordwind.example")
        for n in range(known, count)
    )
    RoleAssignment.objects.bulk_create(
        RoleAssignment(user=user, role=role, is_active_role=True) for user in users
    )
    BranchAssignment.objects.bulk_create(
        BranchAssignment(user=user, branch=branch, is_active_branch=True) for user in users
    )
    known_by_now = User.objects.filter(username__startswith="bench-").order_by("id")
    return [session_of(user) for user in known_by_now]


def session_of(user: User) -> str:
    """Return the session cookie of a user who has just logged in."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    key: str = session.session_key
    return key
