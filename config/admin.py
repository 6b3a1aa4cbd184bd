"""The Django admin's side of the house: what an operator changes is one `@write` too."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from config.db.retry import write

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class WriteAdmin(Base):
    """Mixin for ModelAdmin, left of it: its forms and actions run inside `@write`.

    So the change, what the services do about it and the admin's log share one transaction.
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
        return _run(request, lambda: view(request, object_id, form_url, extra_context))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete one object."""
        view = super().delete_view
        return _run(request, lambda: view(request, object_id, extra_context))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List objects, or run an action on some."""
        view = super().changelist_view
        return _run(request, lambda: view(request, extra_context))


def _run(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    return write(view)() if request.method == "POST" else view()
