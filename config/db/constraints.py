"""Which rule of the database a refused write broke."""

from django.db import IntegrityError


def violated(error: IntegrityError) -> str | None:
    """Return the name of the constraint that PostgreSQL named, None where it named none."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None)
