"""Production's settings, spoken to over plain HTTP, and no throttles: one client is many people."""

from config import settings as product

globals().update({name: getattr(product, name) for name in dir(product) if name.isupper()})

SECURE_SSL_REDIRECT = False
STORAGES = {
    **product.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
REST_FRAMEWORK = {
    **product.REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(product.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]),
}
