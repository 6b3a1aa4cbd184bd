"""The database's clock, the one that all workers share."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """Return the time at this statement, UTC; unlike SQL's `now()` it moves on in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment
