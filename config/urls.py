"""All routes. Every error outside a view gets the same envelope as inside."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from config import metrics, views
from config.page import PageView

# Log-in to the admin is allauth's: the same throttles and second factor as the app's.
admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Stechuhr"

handler400 = "config.api.exceptions.bad_request"
handler403 = "config.api.exceptions.permission_denied"
handler404 = "config.api.exceptions.not_found"
handler500 = "config.api.exceptions.server_error"

urlpatterns = [
    path("", views.landing, name="landing"),
    path("livez", views.livez),
    path("readyz", views.readyz),
    path("metrics", metrics.metrics),
    path("admin/database/", admin.site.admin_view(metrics.database), name="admin_database"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/auth/", include("allauth.headless.urls")),
    path("api/schema/", views.SchemaView.as_view(), name="schema"),
    path("api/docs/", views.SwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/redoc/", views.RedocView.as_view(url_name="schema"), name="redoc"),
    path("api/page/", PageView.as_view()),
    path("api/", include("accounts.urls")),
    path("api/", include("organizations.urls")),
    path("api/", include("filterlists.urls")),
    path("api/", include("worktime.urls")),
    path("api/<path:rest>", views.unknown_route),
]
