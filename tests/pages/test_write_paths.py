"""All ways to change something: the very next read is right, here and in another process.

The ways are enumerated from the code. Each service must have run in one of the walks below, each
command must have one: a new one without fails here. `test_admin_paths.py` walks the admin.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import call_command, get_commands
from django.utils import timezone

from accounts import services as accounts
from accounts.cache import load_person
from accounts.models import ApiToken, Role, User
from config.cache import facts
from filterlists import services as filterlists
from organizations.models import Branch, BranchAssignment, Organization
from organizations.services import invitations, operators, people, switching
from organizations.services.founding import found_organization
from organizations.services.importing import import_people
from tests.accounts.browser import PASSWORD, Browser
from tests.api.table import TABLE
from tests.api.test_table import ask
from tests.api.world import World
from tests.conftest import Api
from tests.pages.other import Other
from tests.pages.services import APPS, services, used_from_outside
from tests.pages.watch import Watch, new_world
from worktime.models import OvertimeApproval, WorkTime
from worktime.services import limits
from worktime.services.imports import import_worktimes
from worktime.tables import WORKTIME
from worktime.transfer import Line

pytestmark = pytest.mark.django_db(transaction=True)
# --- Services -------------------------------------------------------------------------------------


# What is used from outside without `@write`: it only reads or locks, or tells caches and settles
# rows in the `@write` that every view and every form of the admin is.
HELPERS = {
    "accounts.services.confirm_by_reset",
    "accounts.services.end_tokens",
    "accounts.services.lock_person",
    "accounts.services.take_address",
    "filterlists.services.tell",
    "filterlists.services.tell_person",
    "organizations.services.membership.lock_organization",
    "organizations.services.operators.begin_role_change",
    "organizations.services.operators.branch_changed",
    "organizations.services.operators.membership_of",
    "organizations.services.operators.organization_changed",
    "organizations.services.operators.role_changed",
    "worktime.services.limits.records_beyond_limit",
    "worktime.services.records.author",
    "worktime.services.records.lock_person",
}


def test_whatever_else_uses_services_is_known() -> None:
    assert used_from_outside() - services().keys() == HELPERS


@pytest.fixture
def left() -> Iterator[set[str]]:
    """The services that have not run yet in this test."""
    known = services()
    functions = {name: cell.cell_contents for name, cell in known.items()}
    left = set(known)

    def noting(name: str) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            left.discard(name)
            return functions[name](*arguments, **options)

        return noted

    for name, cell in known.items():
        cell.cell_contents = noting(name)
    yield left
    for name, cell in known.items():
        cell.cell_contents = functions[name]


def switch_role(world: World) -> None:
    """Into another organisation, and back to a branch of this one."""
    there = found_organization(
        founder=world.lead,
        name=f"{world.organization.name}-other",
        display_name="Other",
        branch_name="Kiel",
        time_zone="UTC",
    )
    assert there.pk
    home = Role.objects.get(organization=world.organization, name="Lead")
    switching.switch_role(user_id=world.lead.pk, role_id=home.pk)


def switch_branch(world: World) -> None:
    branch = Branch.objects.create(organization=world.organization, name="Kiel")
    BranchAssignment.objects.create(user=world.lead, branch=branch)
    switching.switch_branch(user_id=world.lead.pk, branch_id=branch.pk)


def end_accounts(world: World) -> None:
    accounts.set_email(user_id=world.member.pk, email=f"new@{world.organization.name}.example")
    accounts.log_out_everywhere(user_id=world.member.pk)
    token = ApiToken.objects.filter(user=world.admin).first()
    assert token
    accounts.revoke_token(user_id=world.admin.pk, token_id=token.pk)
    accounts.shut_out(user_id=world.admin.pk)


def deactivate(world: World) -> None:
    editor = load_person(world.admin.pk)
    for is_active in (False, True):
        people.update_person(
            editor=editor, user_id=world.member.pk, changes={"is_active": is_active}
        )


def join_by_invitation(world: World) -> None:
    guest = User.objects.create(username=f"guest-{world.organization.name}")
    email = f"guest@{world.organization.name}.example.org"
    EmailAddress.objects.create(user=guest, email=email, verified=True, primary=True)
    editor, role_id = load_person(world.admin.pk), world.ids["role"]
    invitation = invitations.invite(editor=editor, email=email, role_id=role_id)
    invitations.resend_invitation(editor=editor, invitation_id=invitation.pk)
    token = str(mail.outbox[-1].body).partition("token=")[2].split()[0]
    invitations.accept_invitation(person=load_person(guest.pk), token=token)


def forgotten(world: World) -> WorkTime:
    """Return a record that runs beyond an enforced limit."""
    Organization.objects.filter(pk=world.organization.pk).update(daily_limit="enforce")
    facts.bump([f"organization:{world.organization.pk}"])
    return WorkTime.objects.create(
        user=world.lead,
        organization=world.organization,
        branch=world.organization.branches.get(pk=world.ids["branch"]),
        started_at=timezone.now() - timedelta(hours=20),
        time_zone="UTC",
    )


def autostop(world: World) -> None:
    assert limits.stop_at_limit(worktime_id=forgotten(world).pk)


def lists(world: World) -> None:
    person = load_person(world.admin.pk)
    made = filterlists.create_list(
        person=person,
        table=WORKTIME,
        fields={"name": "New", "conditions": [], "operators": [], "is_shared": True},
    )
    filterlists.update_list(person=person, list_id=made.pk, changes={"name": "Newer"})
    filterlists.delete_list(person=person, list_id=made.pk)


def by_operators(world: World) -> None:
    User.objects.filter(pk=world.member.pk).update(is_active=False)
    operators.set_activity(user_id=world.member.pk, is_active=False)


def reorder_groups(world: World) -> None:
    filterlists.reorder_groups(
        person=load_person(world.admin.pk), table=WORKTIME, ids=[world.ids["filter_group"]]
    )


def import_them(world: World) -> None:
    name = f"new-{world.organization.name}"
    fields = {"username": name, "email": f"{name}@example.org", "role": "Member", "branch": ""}
    import_people(
        organization_id=world.organization.pk,
        people={1: fields},
        dry_run=False,
        progress=lambda done: None,
    )
    end = timezone.now() - timedelta(hours=1)
    line = Line(1, world.member.username, "Hamburg", end - timedelta(hours=1), end, "")
    import_worktimes(organization=world.organization, lines=[line])


def save_rows(world: World) -> None:
    """As libraries and shells do: no service says anything."""
    world.member.refresh_from_db()
    world.member.first_name = "Ann"
    world.member.save()
    role = Role.objects.get(pk=world.ids["role"])
    role.all_branches = False
    role.save()
    role.branches.add(world.ids["branch"])
    role.permissions.filter(entity="branches").delete()
    OvertimeApproval.objects.create(
        user=world.member,
        organization=world.organization,
        date="2026-03-03",
        hours=2,
        approved_by=world.lead,
    )
    WorkTime.objects.get(pk=world.ids["worktime"]).delete()


WALKS: dict[Callable[[World], None], set[str]] = {
    switch_role: {"people"},
    switch_branch: {"chosen branches", "own branches"},
    end_accounts: {"people", "tokens"},
    deactivate: {"people"},
    join_by_invitation: set(),
    autostop: {"organizations"},
    lists: set(),
    by_operators: {"people"},
    reorder_groups: set(),
    import_them: {"own periods"},
    save_rows: {"people", "own periods"},
}


def test_every_service(other: Other, left: set[str]) -> None:
    """By the routes (whose table is complete: a test of its own sees to that), and one by one."""
    world = new_world()
    rows = [row for row in TABLE if row.method != "GET" and row.path.startswith("/api/")]
    # What deletes comes last, then what moves the admin away, and what ends the session.
    last = ("/api/organizations/", "/api/me/sessions/")
    rows.sort(
        key=lambda row: (*(row.path == each for each in reversed(last)), row.method == "DELETE")
    )
    client = Api(world.admin)
    watch = Watch(world, other)
    fell = {}
    for row in rows:
        answer = ask(client, row, world.ids, world.ids)
        if answer.status_code < 300:
            fell[str(row)] = watch.changed()
    assert len(fell) > 20
    for request, name in (
        ("PATCH /api/me/settings/", "people"),
        ("PATCH /api/organizations/current/", "organizations"),
        ("PATCH /api/users/{user}/", "people"),
        ("POST /api/worktime/start/", "active worktimes"),
        ("PUT /api/table-settings/worktime/", "saved_filters"),
        ("DELETE /api/me/sessions/", "people"),
    ):
        assert name in fell[request], request
    for walk, falls in WALKS.items():
        world = new_world()
        watch = Watch(world, other)
        walk(world)
        assert watch.changed() >= falls, walk.__name__
    assert left == set()


def test_a_service_that_says_nothing_is_caught(
    world: World, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(world, other)
    monkeypatch.setattr(accounts, "changed", lambda *facts: None)
    monkeypatch.setattr("accounts.signals.changed", lambda *facts: None)
    accounts.update_profile(user_id=world.member.pk, changes={"first_name": "Ann"})
    with pytest.raises(AssertionError, match="people"):
        watch.changed()


# --- Commands, libraries --------------------------------------------------------------------------


def command_import_worktime(world: World, folder: Path) -> None:
    file = folder / "records.csv"
    start = timezone.now() - timedelta(hours=3)
    file.write_text(
        "username,branch,started_at,ended_at\n"
        f"{world.member.username},Hamburg,{start.isoformat()},"
        f"{(start + timedelta(hours=1)).isoformat()}\n"
    )
    call_command("import_worktime", file, organization=world.organization.name, verbosity=0)


def command_import_people(world: World, folder: Path) -> None:
    file = folder / "people.csv"
    file.write_text(f"username,email,role\nx-{world.member.username},x@w.example,Member\n")
    call_command("import_people", world.organization.name, file, verbosity=0)


def command_autostop(world: World, folder: Path) -> None:
    forgotten(world)
    call_command("autostop", verbosity=0)


def command_found_organization(world: World, folder: Path) -> None:
    name = f"{world.organization.name}-two"
    call_command("found_organization", name, world.member.username, verbosity=0)


def command_invite(world: World, folder: Path) -> None:
    call_command("invite", world.organization.name, "new@w.example", "Member", verbosity=0)


COMMANDS: dict[str, tuple[Callable[[World, Path], None], set[str]]] = {
    "autostop": (command_autostop, {"organizations"}),
    "found_organization": (command_found_organization, {"people"}),
    "import_people": (command_import_people, set()),
    "import_worktime": (command_import_worktime, {"own periods"}),
    "invite": (command_invite, set()),
}
# They change nothing that is cached; the demo makes people whom nobody has asked for yet.
HARMLESS = {
    "caches",
    "dbpool",
    "demo",
    "doctor",
    "export_worktime",
    "filterlist",
    "forget_idempotency_keys",
    "serve",
    "why",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(world: World, other: Other, tmp_path: Path, name: str) -> None:
    run, falls = COMMANDS[name]
    watch = Watch(world, other)
    run(world, tmp_path)
    assert watch.changed() >= falls


def test_all_commands_are_known() -> None:
    ours = {name for name, app in get_commands().items() if app in (*APPS, "config")}
    assert ours == COMMANDS.keys() | HARMLESS


def test_what_allauth_changes(world: World, other: Other) -> None:
    member = world.member
    member.set_password(PASSWORD)
    member.save()
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    watch = Watch(world, other)
    browser = Browser()
    assert browser.log_in(member.username).status_code == 200
    watch.changed()
    body = {"current_password": PASSWORD, "new_password": "another long word"}
    assert browser.auth("POST", "account/password/change", body).status_code == 200
    assert "people" in watch.changed()
    new = f"other-{member.email}"
    EmailAddress.objects.create(user=member, email=new, verified=True)
    assert (
        browser.auth("PATCH", "account/email", {"email": new, "primary": True}).status_code == 200
    )
    assert "people" in watch.changed()


def test_a_migration_lets_everything_fall(world: World, other: Other) -> None:
    watch = Watch(world, other)
    User.objects.filter(pk=world.member.pk).update(first_name="Ann")
    call_command("migrate", verbosity=0)
    assert "people" in watch.changed()
