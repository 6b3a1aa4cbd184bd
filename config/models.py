"""The platform's own tables, and what every table of the product has."""

from django.db import models


class Timestamped(models.Model):
    """When a row was made and last saved, UTC."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
