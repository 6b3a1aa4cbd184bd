"""Whose word a write is done on: what an authenticator has to say besides who calls."""

from contextlib import AbstractContextManager
from typing import Final, Protocol

from rest_framework.request import Request

from config.errors import DomainError

ACTING_ROLE: Final = "X-Acting-Role"


class RightsChanged(Exception):
    """What the write was decided on is not so any more; nothing may be applied."""


class ActingRoleChanged(DomainError):
    """Another role is active than the caller believes; `expected` and `active` are ids of roles."""

    code = "acting_role_changed"
    detail = "Another role of yours is active by now, so this was not done."


class Authority(Protocol):
    """An authenticator of writes. What it raises refuses the request."""

    def acting_role(self, request: Request) -> int | None:
        """Return the id of the role that the caller acts in."""

    def require_acting_role(self, request: Request, role_id: int) -> None:
        """Raise ActingRoleChanged unless the caller acts in this role."""

    def confirming(self, request: Request) -> AbstractContextManager[None]:
        """Run the write; raise RightsChanged if it was decided on what is not so any more."""

    def confirm(self, request: Request) -> None:
        """Raise RightsChanged if the caller's rights are not what they were when let in."""

    def renew(self, request: Request) -> None:
        """Read the caller's rights again, from rows; raise NotAuthenticated if there are none."""
