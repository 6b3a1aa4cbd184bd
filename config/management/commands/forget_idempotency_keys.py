"""`manage.py forget_idempotency_keys`: deletes the keys that are older than 24 hours."""

from typing import Any

from django.core.management.base import BaseCommand

from config.api.idempotency import forget_old_keys
from config.db.retry import write


class Command(BaseCommand):
    help = "Delete the idempotency keys that are older than 24 hours; run it once a day."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Deleted {write(forget_old_keys)()} keys.")
