"""What a request about a team may do."""

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.cache import Reach
from accounts.models import Entity
from accounts.permissions import HasAccess, caller


class LeadsTeam(HasAccess):
    """The active role reaches others' working time: reads it all, or changes it all."""

    entity = Entity.WORKTIME

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether it reaches more than one's own."""
        if not super().has_permission(request, view):
            return False
        person = caller(request)
        reads = request.method in SAFE_METHODS
        return (person.reads if reads else person.writes)(self.entity) is Reach.ALL
