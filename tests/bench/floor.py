"""The benchmarks' settings for two views that stand for what cannot be undercut.

BENCH_STACK names what a request passes through: `none`, or `django`: a new project's middleware,
Django's sessions in cache and database, and its own backend with persistent connections.
"""

import os

from config import settings as product
from tests.bench import plain

globals().update({name: getattr(plain, name) for name in dir(plain) if name.isupper()})

ROOT_URLCONF = "tests.bench.still"
INSTALLED_APPS = [*product.INSTALLED_APPS]
MIDDLEWARE: list[str] = []
if os.environ["BENCH_STACK"] == "none":
    # allauth insists on its middleware, and the admin loads what needs allauth.
    INSTALLED_APPS = [
        app for app in INSTALLED_APPS if not app.startswith(("allauth", "django.contrib.admin"))
    ]
else:
    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "allauth.account.middleware.AccountMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
DATABASES = {
    "default": {
        **product.DATABASES["default"],
        "ENGINE": "tests.bench.stock",
        "OPTIONS": {},
        "CONN_MAX_AGE": 60,
    }
}
