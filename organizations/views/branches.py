"""The branches of the active organisation."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Entity
from accounts.permissions import access_to, caller
from config.api.pagination import KeysetPagination
from config.api.reads import Known, Reads
from config.api.serializers import all_shown
from config.api.tables import TableFilter
from config.api.views import APIView
from organizations.cache import own_branch_cards, own_branches, visible_branches
from organizations.models import Branch
from organizations.serializers.branches import BranchSerializer
from organizations.services.branches import create_branch, delete_branch, update_branch
from organizations.services.membership import lock_organization
from organizations.tables import BRANCHES


class BranchListView(APIView, ListAPIView[Branch]):
    """The branches of the active organisation that the caller may see."""

    permission_classes = (access_to(Entity.BRANCHES),)
    serializer_class = BranchSerializer
    pagination_class = KeysetPagination
    table = BRANCHES
    filter_backends = (TableFilter,)
    ordering_columns = BRANCHES.ordering_columns
    ordering = "name"

    def get_queryset(self) -> QuerySet[Branch]:
        """Return what the caller may see."""
        return visible_branches(caller(self.request))

    @extend_schema(
        operation_id="branch_create",
        summary="Add a branch",
        request=BranchSerializer,
        responses={201: BranchSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a branch to the active organisation."""
        wanted = BranchSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        branch = create_branch(editor=caller(request), fields=wanted.validated_data)
        return Response(BranchSerializer(branch).data, status=201)


class OwnBranchesView(APIView):
    """Where the caller works."""

    def reads(self, known: Known) -> Reads:
        """Return where the branches are."""
        return [(own_branches, known.user_id)]

    @extend_schema(
        operation_id="me_branches",
        summary="My branches",
        responses=inline_serializer("OwnBranches", {"results": BranchSerializer(many=True)}),
    )
    def get(self, request: Request) -> Response:
        """Return the branches that one can switch to."""
        cards = own_branch_cards(caller(request))
        return Response({"results": all_shown(BranchSerializer, cards)})


class BranchView(APIView):
    """One branch."""

    permission_classes = (access_to(Entity.BRANCHES),)

    def lock(self, request: Request, branch_id: int) -> None:
        """Lock the organisation, in which such changes queue."""
        lock_organization(caller(request).acting_role.organization_id)

    @extend_schema(operation_id="branch", summary="A branch", responses=BranchSerializer)
    def get(self, request: Request, branch_id: int) -> Response:
        """Return a branch that the caller may see."""
        branch = get_object_or_404(visible_branches(caller(request)), pk=branch_id)
        return Response(BranchSerializer(branch).data)

    @extend_schema(
        operation_id="branch_update",
        summary="Change a branch",
        request=BranchSerializer(partial=True),
        responses=BranchSerializer,
    )
    def patch(self, request: Request, branch_id: int) -> Response:
        """Change the fields that are given."""
        wanted = BranchSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        branch = update_branch(
            editor=caller(request), branch_id=branch_id, changes=wanted.validated_data
        )
        return Response(BranchSerializer(branch).data)

    @extend_schema(
        operation_id="branch_delete", summary="Delete an unused branch", responses={204: None}
    )
    def delete(self, request: Request, branch_id: int) -> Response:
        """Delete a branch that nobody ever used."""
        delete_branch(editor=caller(request), branch_id=branch_id)
        return Response(status=204)
