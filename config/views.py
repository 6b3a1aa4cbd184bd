"""Pages and probes that belong to no app."""

from typing import Any, Final

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.urls import resolve
from django.utils import translation
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django_redis import get_redis_connection
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)
from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from config.api.exceptions import not_found

# Swagger UI and Redoc style their pages from scripts; Redoc searches in a worker.
DOCS_CSP: Final = {"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"]}

_migrated = False
_schemas: dict[str, bytes] = {}  # by media type


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Say what this is, where its doors are, and who one is."""
    return render(request, "config/landing.html")


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """Return 200 while the process answers at all."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Return 200 where requests should be sent here, 503 before migrations are applied.

    A database or Redis that is short or away makes it `degraded`, still 200: what is cached can
    be served, and taking every worker out at once would help nobody.
    """
    parts = {"database": _database(), "redis": _redis()}
    if parts["database"] == "not_migrated":
        return JsonResponse({"status": "not_migrated", **parts}, status=503)
    healthy = set(parts.values()) == {"ok"}
    return JsonResponse({"status": "ok" if healthy else "degraded", **parts})


@csrf_exempt
def unknown_route(request: HttpRequest, rest: str) -> HttpResponse:
    """Refuse what is no route of the API; a reader who forgot the slash is sent to it.

    In development Django would show a page of its own.
    """
    if request.method in SAFE_METHODS and resolve(f"/api/{rest}/").func is not unknown_route:
        return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
    return not_found(request, Http404())


def _database() -> str:
    global _migrated
    try:
        if not _migrated:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "not_migrated"
            _migrated = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (OperationalError, InterfaceError) as error:
        return getattr(error, "code", "database_unavailable")
    return "ok"


def _redis() -> str:
    try:
        get_redis_connection("default").ping()
    except RedisError:
        return "redis_unavailable"
    return "ok"


class SchemaView(SpectacularAPIView):
    """The schema, the same for everyone; made once in a process, as that takes a second."""

    authentication_classes = ()
    schema = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return it as YAML or JSON, whichever the caller accepts."""
        renderer = request.accepted_renderer
        if renderer.media_type not in _schemas:
            generator: Any = self.generator_class()
            with translation.override(settings.LANGUAGE_CODE):
                _schemas[renderer.media_type] = renderer.render(generator.get_schema(public=True))
        return HttpResponse(
            _schemas[renderer.media_type],
            content_type=f"{renderer.media_type}; charset=utf-8",
            headers={"Content-Disposition": f'inline; filename="stechuhr.{renderer.format}"'},
        )


@method_decorator(csp_replace(DOCS_CSP), "dispatch")
class SwaggerView(SpectacularSwaggerSplitView):
    """The API's documentation, to try it out."""


@method_decorator(csp_replace(DOCS_CSP), "dispatch")
class RedocView(SpectacularRedocView):
    """The API's documentation, to read."""

    template_name = "config/redoc.html"
