"""manage.py found_organization, invite, import_people and why."""

from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command

from accounts.models import User
from organizations.models import Branch, Invitation, Organization
from worktime.models import WorkTime


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    call_command(*(str(argument) for argument in arguments))
    return capsys.readouterr().out


def test_founding(capsys: pytest.CaptureFixture[str], db: None) -> None:
    User.objects.create(username="nina", time_zone="Europe/Madrid")
    assert "Founded westwind; nina is its Admin" in run(
        capsys, "found_organization", "westwind", "NINA", "--branch", "Vigo"
    )
    organization = Organization.objects.get()
    assert organization.time_zone == "Europe/Madrid"
    assert organization.branches.get().name == "Vigo"
    with pytest.raises(CommandError, match="exists already"):
        run(capsys, "found_organization", "westwind", "nina")
    with pytest.raises(CommandError, match="name: Use lower-case"):
        run(capsys, "found_organization", "West Wind", "nina")
    with pytest.raises(CommandError, match="no user “eve”"):
        run(capsys, "found_organization", "other", "eve")


@pytest.mark.django_db(transaction=True)
def test_inviting(capsys: pytest.CaptureFixture[str], nordwind: Organization) -> None:
    assert "Invited x@example.org as Lead of Nordwind" in run(
        capsys, "invite", "nordwind", "X@example.org", "lead", "--branch", "hamburg"
    )
    invitation = Invitation.objects.get()
    assert (invitation.invited_by.username, invitation.mailed_at is None) == ("ada", False)
    assert mail.outbox[-1].to == ["x@example.org"]
    for arguments, text in (
        (("nordwind", "x@example.org", "lead"), "invited already"),
        (("nordwind", "nobody", "lead"), "valid email"),
        (("other", "y@example.org", "lead"), "no organisation"),
        (("nordwind", "y@example.org", "boss"), "no role"),
        (("nordwind", "y@example.org", "lead", "--by", "eve"), "has no role"),
    ):
        with pytest.raises(CommandError, match=text):
            run(capsys, "invite", *arguments)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


HEADER = "username,email,role,branch,normal_working_hours\n"


def test_importing(
    capsys: pytest.CaptureFixture[str], nordwind: Organization, hamburg: Branch, table: Path
) -> None:
    table.write_text(
        HEADER + "nina,Nina@example.org,member,hamburg,8.00\notto,otto@example.org,Lead,,\n"
    )
    tried = run(capsys, "import_people", "nordwind", table, "--dry-run")
    assert "2 people could be imported" in tried
    assert not User.objects.filter(username="nina").exists()
    assert "Imported 2 people" in run(capsys, "import_people", "nordwind", table)
    nina = User.objects.get(username="nina")
    assert (nina.email, str(nina.normal_working_hours)) == ("nina@example.org", "8.00")
    assert nina.branch_assignments.get().is_active_branch
    assert not nina.has_usable_password()
    assert User.objects.get(username="otto").role_assignments.get().role.name == "Lead"


def test_semicolons_and_a_byte_order_mark(
    capsys: pytest.CaptureFixture[str], nordwind: Organization, table: Path
) -> None:
    table.write_text("\ufeffusername;email;role;last_name\nnina;nina@example.org;Member;Müller\n")
    run(capsys, "import_people", "nordwind", table)
    assert User.objects.get(username="nina").last_name == "Müller"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("nina,nobody,Member,,\n", "line 2: email: Enter a valid email"),
        (",n@example.org,Member,,\n", "line 2: username: This field is required"),
        ("nina,n@example.org,Member,,99\n", "line 2: normal_working_hours: "),
        ("nina,n@example.org,Boss,,\n", "line 2: there is no role “Boss”"),
        ("nina,n@example.org,Member,Kiel,\n", "line 2: there is no branch “Kiel”"),
        ("ADA,n@example.org,Member,,\n", "line 2: Somebody has this user name"),
        ("n,ada@example.org,Member,,\n", "line 2: Somebody has this e-mail"),
        ("n,n@example.org,Member,,\nN,m@example.org,Member,,\n", "line 3: Somebody has this user"),
    ],
)
def test_all_or_nothing(
    capsys: pytest.CaptureFixture[str],
    nordwind: Organization,
    table: Path,
    lines: str,
    text: str,
) -> None:
    holder = User.objects.get()
    EmailAddress.objects.create(user=holder, email=holder.email, verified=True, primary=True)
    table.write_text(HEADER + lines + "good,good@example.org,Member,,\n")
    with pytest.raises(CommandError, match="Nothing was imported"):
        run(capsys, "import_people", "nordwind", table)
    assert text in capsys.readouterr().err
    assert User.objects.count() == 1


def test_every_bad_line_is_told(
    capsys: pytest.CaptureFixture[str], nordwind: Organization, table: Path
) -> None:
    Organization.objects.update(max_users=2)
    people = "".join(f"p{i},p{i}@example.org,Member,,\n" for i in range(4))
    table.write_text(HEADER + people)
    with pytest.raises(CommandError):
        run(capsys, "import_people", "nordwind", table)
    assert capsys.readouterr().err.count("as many people as its plan allows") == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "username,password\n",
        "username,username,email,role\nn,n,n@example.org,Member\n",
        HEADER + "a,b\n",
        HEADER + '"',
        "\xff",
    ],
)
def test_a_file_that_is_none(
    capsys: pytest.CaptureFixture[str], nordwind: Organization, table: Path, text: str
) -> None:
    table.write_text(text, encoding="latin-1")
    with pytest.raises(CommandError):
        run(capsys, "import_people", "nordwind", table)
    assert User.objects.count() == 1


def why(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[bool, str]:
    try:
        return True, run(capsys, "why", *arguments)
    except SystemExit:
        return False, capsys.readouterr().out


def test_why(
    capsys: pytest.CaptureFixture[str], ada: User, alice: User, bob: User, charlie: User
) -> None:
    record = WorkTime.objects.create(
        user=alice,
        organization=alice.branch_assignments.get().branch.organization,
        branch=alice.branch_assignments.get().branch,
        started_at="2026-03-02T08:00Z",
        time_zone="UTC",
    )
    may, said = why(capsys, "alice", "write", "worktime", record.id)
    assert may
    assert "“Member” of Nordwind" in said
    assert "own_both" in said
    assert why(capsys, "bob", "read", "users", alice.id)[0]
    assert not why(capsys, "bob", "write", "users")[0]
    assert not why(capsys, "charlie", "read", "worktime", record.id)[0]
    assert "is_admin" in why(capsys, "ada", "write", "organization_settings")[1]
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert "deactivated" in why(capsys, "bob", "read", "users")[1]
    alice.role_assignments.update(is_active_role=False)
    assert "no active role" in why(capsys, "alice", "read", "users")[1]
    Organization.objects.update(is_active=False)
    assert "which is deactivated" in why(capsys, "ada", "read", "users")[1]
