"""Found an organisation from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.lookups import find_person
from config.errors import DomainError
from organizations.serializers.organizations import FoundingSerializer
from organizations.services.founding import found_organization


class Command(BaseCommand):
    help = "Found an organisation with a first branch and roles; the founder is its Admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="lower-case letters, digits and hyphens")
        parser.add_argument("founder", help="a user name")
        parser.add_argument("--display-name", help="default: the name")
        parser.add_argument("--branch", default="Main office", help="the first branch")
        parser.add_argument("--time-zone", help="default: the founder's")

    def handle(self, *args: Any, **options: Any) -> None:
        founder = find_person(options["founder"])
        if founder is None:
            raise CommandError(f"There is no user “{options['founder']}”.")
        wanted = FoundingSerializer(
            data={
                "name": options["name"],
                "display_name": options["display_name"] or options["name"],
                "branch_name": options["branch"],
                "time_zone": options["time_zone"] or founder.time_zone,
            }
        )
        if not wanted.is_valid():
            raise CommandError(
                "; ".join(f"{name}: {errors[0]}" for name, errors in wanted.errors.items())
            )
        try:
            organization = found_organization(founder=founder, **wanted.validated_data)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Founded {organization.display_name}; {founder} is its Admin.")
