"""All settings, in one file. Every environment name is read here, once; docs/operations.md lists
them. Production is the default: without its secrets and addresses nothing starts."""

from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

# Lets the typed generics of Django's classes (ModelAdmin[User]) exist at run time too.
django_stubs_ext.monkeypatch()

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- What must be given -------------------------------------------------------------------------

REQUIRED = {
    "SECRET_KEY": "a long random text",
    "ALLOWED_HOSTS": "host names, separated by commas",
    "DATABASE_URL": "postgres://user:password@host:5432/name",
    "REDIS_URL": "redis://host:6379/0",
}
if missing := [f"{name} ({what})" for name, what in REQUIRED.items() if not env.str(name, "")]:
    raise ImproperlyConfigured(f"Missing in the environment: {'; '.join(missing)}.")

DEBUG: bool = env.bool("STECHUHR_DEV", default=False)
SECRET_KEY: str = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", default=0)
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))

# --- Apps and request handling ------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "accounts",
    "organizations",
    "filterlists",
    "worktime",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # allauth's page of sessions says with it how long ago each was used.
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
]

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.middleware.NoStoreMiddleware",
    "config.hosts.HostPortMiddleware",
    "config.middleware.ShortageMiddleware",
    "config.middleware.BodyMiddleware",
    "config.middleware.IntentMiddleware",
    "config.middleware.CacheMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.middleware.SlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -----------------------------------------------------------------------------------

# `manage.py` sets this in its own process; everything else serves requests.
PROCESS: str = env.str("STECHUHR_PROCESS", default="web")
WEB_WORKERS: int = env.int("WEB_WORKERS", default=2)
PORT: int = env.int("PORT", default=8000)
# What one process may have and how long anyone waits, in seconds; `config.db.limits` checks it.
DB_LIMITS: dict[str, Any] = {
    "process": PROCESS,
    "processes": WEB_WORKERS,
    "pools": env.int("DB_POOLS", default=5),
    "pool_size": env.int("DB_POOL_SIZE", default=2),
    "write_reserve": env.int("DB_WRITE_RESERVE", default=2),
    "reserved": env.int("DB_RESERVED", default=20),
    "read_timeout": env.float("DB_READ_TIMEOUT", default=0.1),
    "followup_timeout": env.float("DB_FOLLOWUP_TIMEOUT", default=1.0),
    "write_timeout": env.float("DB_WRITE_TIMEOUT", default=2.0),
    "read_statement_timeout": env.float("DB_READ_STATEMENT_TIMEOUT", default=5.0),
    "write_statement_timeout": env.float("DB_WRITE_STATEMENT_TIMEOUT", default=15.0),
    "lock_timeout": env.float("DB_LOCK_TIMEOUT", default=1.0),
    "idle_in_transaction_timeout": env.float("DB_IDLE_IN_TRANSACTION_TIMEOUT", default=10.0),
    "snapshots": VAR_DIR / "dbpool",
}
# More threads than twice a worker's connections only queue, and take each other's time.
WEB_THREADS: int = env.int(
    "WEB_THREADS", default=min(16, 2 * DB_LIMITS["pools"] * DB_LIMITS["pool_size"])
)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **env.db_url("DATABASE_URL", engine="config.db"),
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }
}
DATABASES["default"]["OPTIONS"] = {
    "application_name": f"stechuhr-{PROCESS}",
    **DATABASES["default"].get("OPTIONS", {}),
    "pool": DB_LIMITS,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache, sessions ----------------------------------------------------------------------------

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "config.cache.backend.Cache",
        "LOCATION": env.str("REDIS_URL"),
        "KEY_PREFIX": "stechuhr",
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": 0.25,
            "SOCKET_TIMEOUT": 0.25,
            # Not pickle: whoever can write to Redis must not be able to run code here.
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            # Says once that Redis is away, so that not each command's failure has to be logged.
            "CONNECTION_POOL_CLASS": "config.cache.server.Pool",
        },
    },
    # Limits while Redis is away.
    "process": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
CSRF_FAILURE_VIEW = "config.api.exceptions.csrf_failed"

# --- Who someone is -----------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [{"NAME": "accounts.passwords.TokensEnd"}]
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if DEBUG else "https"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Stechuhr] "
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USERNAME_VALIDATORS = "accounts.adapters.username_validators"
# The code of the half minute before or after is right too: clocks differ, and people type slowly.
MFA_TOTP_TOLERANCE = 1
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
HEADLESS_CLIENTS = ("browser",)
LOGIN_REDIRECT_URL = "landing"
LOGOUT_REDIRECT_URL = "landing"
ACCOUNT_LOGOUT_REDIRECT_URL = "landing"
# Where the browser app is: links in mails lead there. Without one, allauth's own pages serve.
FRONTEND_URL: str = env.str("FRONTEND_URL", default="").rstrip("/")
_pages: dict[str, str] = (
    {
        "account_confirm_email": "/account/verify-email/{key}",
        "account_reset_password": "/account/password/reset",
        "account_reset_password_from_key": "/account/password/reset/{key}",
        "account_signup": "/account/signup",
    }
    if FRONTEND_URL
    else {
        "account_confirm_email": "/accounts/confirm-email/{key}/",
        "account_reset_password": "/accounts/password/reset/",
        "account_reset_password_from_key": "/accounts/password/reset/key/{key}/",
        "account_signup": "/accounts/signup/",
    }
)
FRONTEND_URL = FRONTEND_URL or (
    f"http://localhost:{PORT}" if DEBUG else f"https://{ALLOWED_HOSTS[0]}"
)
# Without these allauth makes links from the request, and so from what its sender wrote as Host.
HEADLESS_FRONTEND_URLS: dict[str, str] = {
    name: f"{FRONTEND_URL}{path}" for name, path in _pages.items()
}

# --- Mail ---------------------------------------------------------------------------------------

_mail: dict[str, Any] = env.email_url(
    "EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25"
)
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail["EMAIL_HOST"] or ""
EMAIL_PORT: int = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER: str = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD: str = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS: bool = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="stechuhr@localhost")

# --- API ----------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "config.api.throttles.AnonThrottle",
        "config.api.throttles.UserThrottle",
        "config.api.throttles.ScopedThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        # By address, and a whole office may have one.
        "anon": "600/min",
        "user": "600/min",
        "search": "30/min",
        "found": "20/hour",
        "apply": "30/hour",
        "invite": "200/hour",
        "add": "200/hour",
    },
    "EXCEPTION_HANDLER": "config.api.exceptions.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
}
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105
REST_KNOX: dict[str, Any] = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_PREFIX": "stu_"}
# The library's own table, which the model above replaces.
MIGRATION_MODULES: dict[str, str | None] = {"knox": None}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Stechuhr",
    "DESCRIPTION": "A working-time backend that stays up when its database is short.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.schema.link_what_is_made",
    ],
    "ENUM_NAME_OVERRIDES": {"AccessLevelEnum": "accounts.models.AccessLevel"},
}

# --- Language, time, files ----------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# --- Logging ------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "config.middleware.RequestIdFilter"},
        "not_a_shortage": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) != 503,
        },
    },
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's own handlers mail and print a second time; config.db has told of a refusal already.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.request": {"filters": ["not_a_shortage"]},
    },
}

# --- Security -----------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
SECURE_SSL_REDIRECT = not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
