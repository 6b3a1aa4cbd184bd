"""The platform's own tables, and what every table of the product has."""

from django.conf import settings
from django.db import models


class Timestamped(models.Model):
    """When a row was made and last saved, UTC."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class IdempotencyKey(models.Model):
    """A POST that was answered 2xx, so that its repetition gets the same answer, once applied.

    Written in the effect's own transaction; `fingerprint` is a hash of method, path and body,
    `acting_role` the id of the role in which it was done (None: it is answered in any).
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    acting_role = models.BigIntegerField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    # Text, not JSON: the same answer means the same bytes.
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_of_user")
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.user_id}"
