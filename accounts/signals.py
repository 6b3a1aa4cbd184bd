"""Facts of rows that are saved or deleted one by one, by whomever: services, forms, libraries.

What `update`, `bulk_create` and the like change sends no signal: services say `changed` then.
"""

from collections.abc import Callable
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.account.signals import (
    email_confirmed,
    password_reset,
)
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.http import HttpRequest

from accounts.adapters import forget_failures
from accounts.cache import organization_fact, person_fact, role_fact, token_fact
from accounts.models import ApiToken, Permission, Role, RoleAssignment, User, UserSettings
from accounts.services import confirm_by_reset, take_address
from config.cache import changed

FACTS: Final[dict[type[Model], Callable[[Any], str]]] = {
    User: lambda user: person_fact(user.pk),
    UserSettings: lambda look: person_fact(look.user_id),
    RoleAssignment: lambda assignment: person_fact(assignment.user_id),
    Role: lambda role: organization_fact(role.organization_id),
    Permission: lambda permission: role_fact(permission.role_id),
    ApiToken: lambda token: token_fact(token.digest),
}


def connect() -> None:
    """Listen from now on."""
    for model in FACTS:
        post_save.connect(_row_changed, model)
        post_delete.connect(_row_changed, model)
    m2m_changed.connect(_branches_changed, Role.branches.through)
    password_reset.connect(_let_in_again)
    email_confirmed.connect(_address_verified)


def _row_changed(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    changed(FACTS[sender](instance))


def _branches_changed(instance: Role, **kwargs: Any) -> None:
    changed(organization_fact(instance.organization_id))


def _let_in_again(request: HttpRequest, user: User, **kwargs: Any) -> None:
    forget_failures(request, user.pk)
    with transaction.atomic():
        confirm_by_reset(user)


def _address_verified(email_address: EmailAddress, **kwargs: Any) -> None:
    with transaction.atomic():
        take_address(email_address.user, email_address.email)
