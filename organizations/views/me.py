"""The session context, and what one acts as."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cache import Person, people
from accounts.permissions import caller
from accounts.serializers import PersonSerializer
from config.api.reads import Known, Reads
from config.api.serializers import shown
from config.api.views import APIView
from organizations.cache import active_branch_card, context_reads, organization_card
from organizations.serializers.branches import BranchSerializer
from organizations.serializers.me import (
    ActiveBranchChoiceSerializer,
    ActiveRoleChoiceSerializer,
    MeSerializer,
)
from organizations.serializers.organizations import OrganizationSerializer
from organizations.services.switching import switch_branch, switch_role


def context(person: Person) -> dict[str, object]:
    """Return the session context as the API shows it."""
    role = person.active_role
    organization = organization_card(role.organization_id) if role else None
    branch = active_branch_card(person) if organization else None
    return {
        **shown(PersonSerializer, person),
        "active_organization": shown(OrganizationSerializer, organization)
        if organization
        else None,
        "active_branch": shown(BranchSerializer, branch) if branch else None,
    }


class MeView(APIView):
    """Who calls, what they may do, and where they are."""

    def reads(self, known: Known) -> Reads:
        """Return what the context is made of."""
        return context_reads(known)

    @extend_schema(operation_id="me", responses=MeSerializer, summary="The session context")
    def get(self, request: Request) -> Response:
        """Return the caller's context."""
        return Response(context(caller(request)))


class ActiveRoleView(APIView):
    """The role that decides, on all of the caller's devices."""

    # A token acts in a role of its own.
    session_only = True

    @extend_schema(
        operation_id="me_active_role",
        summary="Switch role",
        request=ActiveRoleChoiceSerializer,
        responses=MeSerializer,
    )
    def put(self, request: Request) -> Response:
        """Switch to a held role and return the new context."""
        wanted = ActiveRoleChoiceSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        person = caller(request)
        switch_role(user_id=person.id, role_id=wanted.validated_data["role"])
        return Response(context(people.get(person.acting).person))


class ActiveBranchView(APIView):
    """The branch that clocking in takes, on all of the caller's devices."""

    # A token acts in a role of its own.
    session_only = True

    @extend_schema(
        operation_id="me_active_branch",
        summary="Switch branch",
        request=ActiveBranchChoiceSerializer,
        responses=MeSerializer,
    )
    def put(self, request: Request) -> Response:
        """Switch to an assigned branch and return the new context."""
        wanted = ActiveBranchChoiceSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        person = caller(request)
        switch_branch(user_id=person.id, branch_id=wanted.validated_data["branch"])
        return Response(context(people.get(person.acting).person))
