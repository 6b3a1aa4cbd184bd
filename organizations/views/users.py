"""The people of the active organisation, their roles and branches."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.cache import Person, Reach
from accounts.models import Entity, RoleAssignment, User
from accounts.permissions import access_to, caller
from accounts.services import lock_person
from config.api.pagination import KeysetPagination
from config.api.tables import TableFilter
from config.api.views import APIView
from organizations.cache import visible_users, with_memberships
from organizations.models import BranchAssignment
from organizations.serializers.brief import NamedSerializer
from organizations.serializers.users import (
    BranchIdsSerializer,
    RoleIdsSerializer,
    UserChangeSerializer,
    UserCreateSerializer,
    UserDetailSerializer,
    UserSerializer,
)
from organizations.services.membership import lock_organization
from organizations.services.people import (
    add_person,
    replace_branches,
    replace_roles,
    update_person,
)
from organizations.tables import USERS

PRIVATE = ("birthday", "bank_details")


def _detail(person: Person, user_id: int) -> dict[str, Any]:
    """Return one visible person; what is private only to themselves and to who writes users."""
    people = with_memberships(visible_users(person), person.acting_role.organization_id)
    data = UserDetailSerializer(get_object_or_404(people.defer("password"), pk=user_id)).data
    if user_id == person.id or person.writes(Entity.USERS) is Reach.ALL:
        return data
    return {key: value for key, value in data.items() if key not in PRIVATE}


class UserListView(APIView, ListAPIView[User]):
    """The people of the active organisation whom the caller may see."""

    permission_classes = (access_to(Entity.USERS),)
    throttle_scopes = {"POST": "add"}
    serializer_class = UserSerializer
    pagination_class = KeysetPagination
    table = USERS
    filter_backends = (TableFilter,)
    ordering_columns = USERS.ordering_columns
    ordering = "username"

    def get_queryset(self) -> QuerySet[User]:
        """Return whom the caller may see."""
        person = caller(self.request)
        people = visible_users(person).defer("password", "bank_details")
        return with_memberships(people, person.acting_role.organization_id)

    @extend_schema(
        operation_id="user_create",
        summary="Add a new person",
        request=UserCreateSerializer,
        responses={201: UserDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a new person; whoever has an account already is invited instead."""
        wanted = UserCreateSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = dict(wanted.validated_data)
        person = caller(request)
        user = add_person(
            editor=person,
            role_ids=fields.pop("roles"),
            branch_ids=fields.pop("branches", []),
            fields=fields,
        )
        return Response(_detail(person, user.id), status=201)


class UserView(APIView):
    """One person."""

    permission_classes = (access_to(Entity.USERS),)

    def lock(self, request: Request, user_id: int) -> None:
        """Lock the organisation, and the person; raise Http404 where the caller sees none."""
        person = caller(request)
        lock_organization(person.acting_role.organization_id)
        get_object_or_404(visible_users(person).only("pk"), pk=user_id)
        lock_person(user_id)

    @extend_schema(operation_id="user", summary="A person", responses=UserDetailSerializer)
    def get(self, request: Request, user_id: int) -> Response:
        """Return a person whom the caller may see."""
        return Response(_detail(caller(request), user_id))

    @extend_schema(
        operation_id="user_update",
        summary="Change, deactivate or bring back a person",
        request=UserChangeSerializer(partial=True),
        responses=UserDetailSerializer,
    )
    def patch(self, request: Request, user_id: int) -> Response:
        """Change the fields that are given."""
        wanted = UserChangeSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        person = caller(request)
        update_person(editor=person, user_id=user_id, changes=wanted.validated_data)
        return Response(_detail(person, user_id))


class UserRolesView(APIView):
    """A person's roles in the active organisation. Giving up one's own takes no permission."""

    @extend_schema(
        operation_id="user_roles",
        summary="Replace a person's roles",
        request=RoleIdsSerializer,
        responses=NamedSerializer(many=True),
    )
    def put(self, request: Request, user_id: int) -> Response:
        """Make these the person's roles; without any they leave the organisation."""
        wanted = RoleIdsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        person = caller(request)
        replace_roles(editor=person, user_id=user_id, role_ids=wanted.validated_data["roles"])
        held = RoleAssignment.objects.filter(
            user_id=user_id, role__organization_id=person.acting_role.organization_id
        )
        roles = held.order_by("role__name").values("role__id", "role__name")
        return Response([{"id": row["role__id"], "name": row["role__name"]} for row in roles])


class UserBranchesView(APIView):
    """A person's branches in the active organisation."""

    permission_classes = (access_to(Entity.USERS),)

    @extend_schema(
        operation_id="user_branches",
        summary="Replace a person's branches",
        request=BranchIdsSerializer,
        responses=NamedSerializer(many=True),
    )
    def put(self, request: Request, user_id: int) -> Response:
        """Make these the person's branches."""
        wanted = BranchIdsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        person = caller(request)
        replace_branches(
            editor=person, user_id=user_id, branch_ids=wanted.validated_data["branches"]
        )
        held = BranchAssignment.objects.filter(
            user_id=user_id, branch__organization_id=person.acting_role.organization_id
        )
        branches = held.order_by("branch__name").values("branch__id", "branch__name")
        return Response(
            [{"id": row["branch__id"], "name": row["branch__name"]} for row in branches]
        )
