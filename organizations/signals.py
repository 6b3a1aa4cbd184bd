"""What the apps above may want to know of memberships, and facts of rows that are saved or deleted.

What `update`, `bulk_create` and the like change sends no signal: services say `changed` then.
"""

from collections.abc import Callable
from typing import Any, Final

from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal

from accounts.cache import organization_fact, person_fact
from config.cache import changed
from organizations.models import Branch, BranchAssignment, Organization

# Sent with `user_id`, `organization_id` and `author_id` (None: the system or an operator) when a
# person left an organisation or was deactivated, after the change and before COMMIT.
membership_ended = Signal()
# Sent with `organization_id` when an organisation was deactivated, before COMMIT; its row and its
# members' are locked.
organization_closed = Signal()

FACTS: Final[dict[type[Model], Callable[[Any], str]]] = {
    Organization: lambda organization: organization_fact(organization.pk),
    Branch: lambda branch: organization_fact(branch.organization_id),
    BranchAssignment: lambda assignment: person_fact(assignment.user_id),
}


def connect() -> None:
    """Listen from now on."""
    for model in FACTS:
        post_save.connect(_row_changed, model)
        post_delete.connect(_row_changed, model)


def _row_changed(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    changed(FACTS[sender](instance))
