"""Invite someone from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts.cache import Person, load_person
from accounts.models import RoleAssignment
from config.errors import DomainError
from config.names import normal_form
from organizations.models import Organization
from organizations.services.invitations import invite


class Command(BaseCommand):
    help = "Invite an e-mail address to a role of an organisation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", help="its name")
        parser.add_argument("email")
        parser.add_argument("role", help="the role's name")
        parser.add_argument("--branch", help="a branch's name")
        parser.add_argument("--by", help="whose invitation it is; default: an admin's")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        name = normal_form(options["organization"])
        organization = Organization.objects.filter(name=name).first()
        if organization is None:
            raise CommandError(f"There is no organisation “{options['organization']}”.")
        role = organization.roles.filter(name_key=normal_form(options["role"])).first()
        if role is None:
            raise CommandError(f"It has no role “{options['role']}”.")
        branch = None
        if options["branch"]:
            branch = organization.branches.filter(name_key=normal_form(options["branch"])).first()
            if branch is None:
                raise CommandError(f"It has no branch “{options['branch']}”.")
        editor = _editor(organization, options["by"])
        try:
            invitation = invite(
                editor=editor,
                email=options["email"],
                role_id=role.id,
                branch_id=branch.id if branch else None,
            )
        except DomainError as error:
            raise CommandError(error.detail) from error
        invitation.refresh_from_db()
        if invitation.mail_error:
            raise CommandError(
                f"Invited, but the mail could not be sent: {invitation.mail_error}. "
                "Send it again from the list of invitations."
            )
        self.stdout.write(f"Invited {invitation.email} as {role} of {organization}.")


def _editor(organization: Organization, username: str | None) -> Person:
    """Return who invites, acting in a role of the organisation."""
    held = RoleAssignment.objects.filter(
        role__organization=organization, user__is_active=True
    ).select_related("role__organization")
    held = held.filter(user__username_key=normal_form(username)) if username else held
    assignment = held.order_by("-role__is_admin", "id").first()
    if assignment is None:
        raise CommandError("Who should invite has no role in this organisation.")
    return load_person(assignment.user_id, assignment.role_id)
