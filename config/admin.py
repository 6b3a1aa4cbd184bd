"""The Django admin's side of the house: what an operator changes is one `@write` too."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from config.db.retry import write
from config.errors import DomainError
from config.names import NormalFormField

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class WriteAdmin(Base):
    """Mixin for ModelAdmin, left of it: its forms and actions run inside `@write`.

    So the change, what the services do about it and the admin's log share one transaction. What
    a service refuses is shown as a message.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add or change one object."""
        view = super().changeform_view
        return run(request, lambda: view(request, object_id, form_url, extra_context))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete one object."""
        view = super().delete_view
        return run(request, lambda: view(request, object_id, extra_context))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List objects, or run an action on some."""
        view = super().changelist_view
        return run(request, lambda: view(request, extra_context))

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        """Return the form, which tells a name that is taken in another form at once."""
        form: Any = super().get_form(*args, **kwargs)
        return type(form)(form.__name__, (NormalForms, form), {})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return what is found; nothing for a character that PostgreSQL knows no text with."""
        if "\0" in search_term:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)


class NormalForms:
    """Mixin for ModelForm: constraints over normal forms are checked as if the form had them."""

    def _get_validation_exclusions(self: Any) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        options = self._meta.model._meta
        forms = {each.name for each in options.fields if isinstance(each, NormalFormField)}
        for constraint in options.constraints:
            if forms & {*getattr(constraint, "fields", ())}:
                excluded -= {*constraint.fields}
        return excluded


class LookOnly(Base):
    """Mixin for ModelAdmin, left of it: shows, and changes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DeleteOnly(LookOnly):
    """The same, but for deleting."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


def run(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Run a view of the admin; a POST is one `@write`."""
    if request.method != "POST":
        return view()

    def confirmed() -> HttpResponse:
        _confirm_operator(request)
        return view()

    try:
        return write(confirmed)()
    except DomainError as error:
        # Nothing was applied; the form comes back as it is stored.
        messages.error(request, error.detail)
        return HttpResponseRedirect(request.get_full_path())


def _confirm_operator(request: HttpRequest) -> None:
    """Raise PermissionDenied unless the operator still is one; they stay so until COMMIT.

    Whoever takes that away locks the person's row exclusively (`accounts.rights`).
    """
    user: Any = request.user
    columns = ("is_active", "is_staff", "is_superuser", "session_generation")
    statement = f"SELECT {', '.join(columns)} FROM {user._meta.db_table}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} WHERE id = %s FOR KEY SHARE", [user.pk])
        if cursor.fetchone() != tuple(getattr(user, each) for each in columns):
            raise PermissionDenied
