"""The product's routes, and one that holds a connection as a slow report would."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config import urls as product


@csrf_exempt
def hold(request: HttpRequest, milliseconds: int) -> HttpResponse:
    """Keep PostgreSQL busy; a POST may use what is kept for writes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [milliseconds / 1000])
    return HttpResponse("held")


urlpatterns = [*product.urlpatterns, path("drill/hold/<int:milliseconds>/", hold)]
for _name in ("handler400", "handler403", "handler404", "handler500"):
    globals()[_name] = getattr(product, _name)
