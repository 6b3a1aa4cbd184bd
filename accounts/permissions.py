"""What a request may do, decided by the caller's active role alone."""

from typing import ClassVar

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.cache import Person, Reach
from accounts.models import Entity


def caller(request: Request) -> Person:
    """Return the context of who calls, as authentication found it; raise NotAuthenticated."""
    person: Person | None = getattr(request._request, "person", None)
    if person is None or person.id != request.user.pk:
        raise NotAuthenticated
    return person


class HasAccess(BasePermission):
    """Signed in, with at least some access to the entity; subclasses name it.

    Which rows that reaches is the queryset's matter.
    """

    entity: ClassVar[Entity]

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the active role reaches anything by this method."""
        if not request.user.is_authenticated:
            return False
        person = caller(request)
        reads = request.method in SAFE_METHODS
        return (person.reads if reads else person.writes)(self.entity) > Reach.NONE


def access_to(entity: Entity) -> type[HasAccess]:
    """Return the permission class for `entity`."""
    return type(f"AccessTo{entity.name.title()}", (HasAccess,), {"entity": entity})
