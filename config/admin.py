"""The Django admin's side of the house: what an operator changes is one `@write` too."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from config.db.retry import write

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class WriteAdmin(Base):
    """Mixin for ModelAdmin, left of it: its forms and actions run inside `@write`.

    So the change, what the services do about it and the admin's log share one transaction.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Add or change one object."""
        return _run(super().changeform_view, request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Delete one object."""
        return _run(super().delete_view, request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """List objects, or run an action on some."""
        return _run(super().changelist_view, request, *args, **kwargs)


def _run(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    response: HttpResponseBase = (write(view) if request.method == "POST" else view)(
        request, *args, **kwargs
    )
    return response
