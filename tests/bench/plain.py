"""Production's settings, spoken to over plain HTTP.

Throttles count as ever, but nobody reaches their limits: one client is many people.
"""

from config import settings as product

globals().update({name: getattr(product, name) for name in dir(product) if name.isupper()})

SECURE_SSL_REDIRECT = False
STORAGES = {
    **product.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
REST_FRAMEWORK = {
    **product.REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(
        product.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "1000000000/min"
    ),
}
