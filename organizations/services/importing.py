"""Adding many people at once, all or nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction

from accounts.models import Role, User
from accounts.services import create_person
from config.db.retry import write
from config.errors import DomainError
from config.names import normal_form
from organizations.models import Branch, Organization
from organizations.services.membership import join, lock_organization
from organizations.services.people import require_new_address


class ImportRefused(Exception):
    """Some lines cannot be imported, so none was; `errors` are (line, text)."""

    def __init__(self, errors: Sequence[tuple[int, str]]) -> None:
        self.errors = errors
        super().__init__(f"{len(errors)} lines cannot be imported.")


class OnlyTried(Exception):
    """All lines could be imported, and none was because that was a trial."""


@write
def import_people(
    *,
    organization_id: int,
    people: Mapping[int, Mapping[str, Any]],
    dry_run: bool,
    progress: Callable[[int], object],
) -> list[User]:
    """Make all people, by line, and return them.

    Each has the fields of User, and `role` and `branch` (empty: none) by name. `progress` is told
    how many lines are done. Raises ImportRefused, and OnlyTried at the end of a dry run.
    """
    organization = lock_organization(organization_id)
    roles = {role.name_key: role for role in organization.roles.all()}
    branches = {branch.name_key: branch for branch in organization.branches.all()}
    made: list[User] = []
    errors: list[tuple[int, str]] = []
    for done, (line, person) in enumerate(people.items(), start=1):
        fields = dict(person)
        role, branch = fields.pop("role"), fields.pop("branch")
        if normal_form(role) not in roles:
            errors.append((line, f"there is no role “{role}”"))
        elif branch and normal_form(branch) not in branches:
            errors.append((line, f"there is no branch “{branch}”"))
        else:
            try:
                # A refused line leaves nothing, so that the next one is judged by itself.
                with transaction.atomic():
                    made.append(
                        _add(
                            organization,
                            fields,
                            roles[normal_form(role)],
                            [branches[normal_form(branch)]] if branch else [],
                        )
                    )
            except DomainError as error:
                errors.append((line, error.detail))
        progress(done)
    if errors:
        raise ImportRefused(errors)
    if dry_run:
        raise OnlyTried
    return made


def _add(
    organization: Organization, fields: Mapping[str, Any], role: Role, branches: list[Branch]
) -> User:
    require_new_address(organization.id, fields["email"])
    user = create_person(fields)
    join(user_id=user.id, organization=organization, roles=[role], branches=branches)
    return user
